"""Splits labelled cases in two halves by cause: rules are written on the first, the second is scored untouched.

Run: ``python tests/benchmarks/halves.py labels.json OUT``; writes ``OUT/first.json`` and ``OUT/second.json``, which
``sre-orchestrator evaluate --labels`` takes. The cases of each cause, sorted by name, go to the halves in turn;
causes with a single case do so in the order of their names.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path


def halves(labels: dict[str, dict[str, str]]) -> tuple[list[str], list[str]]:
    """Return the names of the cases of both halves."""
    by_cause: dict[str, list[str]] = defaultdict(list)
    for case, label in labels.items():
        by_cause[label["root_cause"]].append(case)
    split: tuple[list[str], list[str]] = ([], [])
    single = 0
    for cause in sorted(by_cause):
        cases = sorted(by_cause[cause])
        for number, case in enumerate(cases):
            split[(single if len(cases) == 1 else number) % 2].append(case)
        single += len(cases) == 1
    return split


if __name__ == "__main__":
    truth = json.loads(Path(sys.argv[1]).read_text())
    for name, cases in zip(("first", "second"), halves(truth), strict=True):
        (Path(sys.argv[2]) / f"{name}.json").write_text(json.dumps({case: truth[case] for case in cases}, indent=1))
