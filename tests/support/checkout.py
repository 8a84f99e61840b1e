"""Copies of the checkout, so that a build leaves nothing behind in it."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]


def copy_for_image(target: Path) -> None:
    """Copy what ``.dockerignore`` leaves: it refuses everything, then lists what is taken."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    refused, *rest = [line for line in lines if line and line[0] != "#"]
    assert refused == "*"
    ignored = [line.removeprefix("**/") for line in rest if line.startswith("**/")]
    target.mkdir()
    for name in (line[1:] for line in rest if line.startswith("!")):
        copy(name, target, *ignored)


def copy(name: str, target: Path, *ignored: str) -> None:
    """Copy one file or folder of the checkout to the folder ``target``."""
    if (ROOT / name).is_dir():
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns(*ignored))
    else:
        shutil.copy(ROOT / name, target / name)
