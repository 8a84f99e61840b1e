"""Compares accuracy, confidence and cost with the gate, and our scorer with the benchmark's own.

Usage: gate.py GATE EVALUATE SCORE SYNTHETIC, where EVALUATE and SYNTHETIC are what ``evaluate`` printed for recorded and
for synthetic cases, and SCORE is what the benchmark's scorer wrote for the recorded ones.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

COST = re.compile(
    r"median (?P<cpu_seconds_median>[\d.]+), p95 (?P<p95>[\d.]+); largest process (?P<memory_mib>\d+) MiB"
)


BRIER = re.compile(r"Brier score ([\d.]+)")


def overall_of(printed: str) -> list[str]:
    """Return the words of the line that sums up: name, cases, A@1, A@3."""
    return next(line.split() for line in printed.splitlines() if line.startswith("overall"))


def main(gate_path: str, evaluate_path: str, score_path: str, synthetic_path: str) -> int:
    """Print each number beside its gate; return 1 when one is missed or the scorers differ."""
    gate = tomllib.loads(Path(gate_path).read_text(encoding="utf-8"))
    printed = Path(evaluate_path).read_text(encoding="utf-8")
    theirs = json.loads(Path(score_path).read_text(encoding="utf-8"))["overall"]["groups"]["all cases"]
    synthetic = Path(synthetic_path).read_text(encoding="utf-8")
    overall, made = overall_of(printed), overall_of(synthetic)
    cost = COST.search(printed)
    scores = [BRIER.search(text) for text in (printed, synthetic)]
    if cost is None or None in scores:
        print("evaluate printed no cost or no Brier score")
        return 1
    checks = [
        (f"A@1 {overall[2]} as the benchmark scores it", overall[2] == f"{theirs['A@1']:.3f}"),
        (f"A@3 {overall[3]} as the benchmark scores it", overall[3] == f"{theirs['A@3']:.3f}"),
        (f"A@1 {overall[2]}, at least {gate['at_1']}", float(overall[2]) >= gate["at_1"]),
        (f"A@3 {overall[3]}, at least {gate['at_3']}", float(overall[3]) >= gate["at_3"]),
    ]
    checks.append(
        (f"synthetic A@1 {made[2]}, at least {gate['synthetic_at_1']}", float(made[2]) >= gate["synthetic_at_1"])
    )
    for found in filter(None, scores):
        checks.append((f"{found[0]}, at most {gate['brier']}", float(found[1]) <= gate["brier"]))
    for name in ("cpu_seconds_median", "memory_mib"):
        checks.append((f"{name} {cost[name]}, at most {gate[name]}", float(cost[name]) <= gate[name]))
    for text, good in checks:
        print(f"{'ok   ' if good else 'WRONG'} {text}")
    return 0 if all(good for _, good in checks) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
