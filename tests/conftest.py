"""What holds for every test."""

from __future__ import annotations

import sys
import warnings


def pytest_sessionfinish() -> None:
    """Write down what was measured: a worker waits at its end for its databases, is killed, and what it holds is lost."""
    coverage = sys.modules.get("coverage")
    if coverage and (current := coverage.Coverage.current()):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some tests alone do not import every package
            current.save()
