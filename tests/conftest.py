"""What holds for every test."""

from __future__ import annotations

import sys


def pytest_sessionfinish() -> None:
    """Write down what was measured: a worker that is slow to end is killed, and what it holds is lost."""
    coverage = sys.modules.get("coverage")
    if coverage and (current := coverage.Coverage.current()):
        current.save()
