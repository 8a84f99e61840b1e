"""Compares accuracy and cost with the gate, and our scorer with the benchmark's own: gate.py GATE EVALUATE SCORE."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

COST = re.compile(
    r"median (?P<cpu_seconds_median>[\d.]+), p95 (?P<p95>[\d.]+); largest process (?P<memory_mib>\d+) MiB"
)


def main(gate_path: str, evaluate_path: str, score_path: str) -> int:
    """Print each number beside its gate; return 1 when one is missed or the scorers differ."""
    gate = tomllib.loads(Path(gate_path).read_text(encoding="utf-8"))
    printed = Path(evaluate_path).read_text(encoding="utf-8")
    theirs = json.loads(Path(score_path).read_text(encoding="utf-8"))["overall"]["groups"]["all cases"]
    overall = next(line.split() for line in printed.splitlines() if line.startswith("overall"))
    cost = COST.search(printed)
    if cost is None:
        print("evaluate printed no cost")
        return 1
    checks = [
        (f"A@1 {overall[2]} as the benchmark scores it", overall[2] == f"{theirs['A@1']:.3f}"),
        (f"A@3 {overall[3]} as the benchmark scores it", overall[3] == f"{theirs['A@3']:.3f}"),
        (f"A@1 {overall[2]}, at least {gate['at_1']}", float(overall[2]) >= gate["at_1"]),
        (f"A@3 {overall[3]}, at least {gate['at_3']}", float(overall[3]) >= gate["at_3"]),
    ]
    for name in ("cpu_seconds_median", "memory_mib"):
        checks.append((f"{name} {cost[name]}, at most {gate[name]}", float(cost[name]) <= gate[name]))
    for text, good in checks:
        print(f"{'ok   ' if good else 'WRONG'} {text}")
    return 0 if all(good for _, good in checks) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
