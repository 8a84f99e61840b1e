"""One third-party library, one door: import-linter holds the doors, this finds libraries that have none."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "api" / "scaffold" / "acme-pay"  # data of ours: what ``plugin new`` copies
LAYERS = ("api", "core", "plugins", "rules", "twin")
EVERYWHERE = {"msgspec", "sre_orchestrator"}


def imported() -> Iterator[tuple[str, str]]:
    for layer in LAYERS:
        for path in (ROOT / layer).rglob("*.py"):
            if PROJECT in path.parents:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                yield from ((name.partition(".")[0], str(path.relative_to(ROOT))) for name in names)


def doors() -> set[str]:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    return {name for one in linter["contracts"] for name in one.get("forbidden_modules", ())}


def test_every_library_has_a_door() -> None:
    known = sys.stdlib_module_names | EVERYWHERE | doors()

    assert sorted({(name, path) for name, path in imported() if name not in known}) == []


def test_no_door_leads_everywhere() -> None:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    allowed = [one for contract in linter["contracts"] for one in contract.get("ignore_imports", ())]

    assert not [one for one in allowed if one.startswith(("sre_orchestrator.**", "** "))]
