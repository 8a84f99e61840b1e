"""Optional packages: a test that needs one skips without it, except in CI, where its absence is a failure."""

from __future__ import annotations

import os
from importlib.util import find_spec

import pytest


def need(module: str, extra: str) -> None:
    """Go on only where ``module`` is installed."""
    if find_spec(module) is not None:
        return
    why = f"{module} is not installed (extra [{extra}])"
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
