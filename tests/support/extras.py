"""Optional packages and programs: a test that needs one skips without it, except in CI, where its absence is a failure."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec

import pytest


def need(module: str, extra: str) -> None:
    """Go on only where ``module`` is installed."""
    if find_spec(module) is not None:
        return
    absent(f"{module} is not installed (extra [{extra}])")


def program(name: str) -> str:
    """Return the path of a program of ``.ci/servers``, from the folder ``SRE_TEST_PROGRAMS`` or the ``PATH``."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("SRE_TEST_PROGRAMS", ""), os.environ["PATH"]]))
    if found is None:
        absent(f"{name} is not installed (.ci/servers FOLDER, then SRE_TEST_PROGRAMS=FOLDER)")
        raise AssertionError
    return found


def absent(why: str) -> None:
    """Skip the test; in CI, fail it."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
