"""The package map: every folder is listed, every file gets into the wheel."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
COPIED = ROOT / "api" / "scaffold" / "acme-pay"  # data of ours: what ``plugin new`` copies
LAYERS = ("api", "core", "plugins", "rules", "twin")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETUPTOOLS = PROJECT["tool"]["setuptools"]


def package_folders() -> list[Path]:
    inside = [path.parent for layer in LAYERS for path in (ROOT / layer).rglob("__init__.py")]
    return sorted(folder for folder in inside if COPIED not in folder.parents)


def data_files() -> list[Path]:
    skipped = {".py", ".pyc"}
    return [
        path.relative_to(ROOT)
        for layer in LAYERS
        for path in sorted((ROOT / layer).rglob("*"))
        if path.is_file() and (path.suffix not in skipped or (COPIED in path.parents and path.suffix == ".py"))
    ]


def ships(path: Path) -> bool:
    """Say whether the nearest package above ``path`` lists it as package data."""
    home = next(folder for folder in path.parents if ROOT / folder in package_folders())
    name = "sre_orchestrator." + ".".join(home.parts)
    inside = path.relative_to(home).as_posix()
    patterns = [*SETUPTOOLS["package-data"].get("*", []), *SETUPTOOLS["package-data"].get(name, [])]
    return any(fnmatch(inside, pattern.replace("/**/", "/")) for pattern in patterns)


def test_the_list_of_packages_is_that_of_the_folders() -> None:
    named = {"sre_orchestrator." + ".".join(folder.relative_to(ROOT).parts) for folder in package_folders()}

    assert set(SETUPTOOLS["packages"]) == named
    assert len(SETUPTOOLS["packages"]) == len(named)


def test_every_layer_is_mapped_typed_and_linked_for_static_tools() -> None:
    assert SETUPTOOLS["package-dir"] == {f"sre_orchestrator.{layer}": layer for layer in LAYERS}
    for layer in LAYERS:
        assert (ROOT / layer / "py.typed").exists()
        assert (ROOT / ".typing" / "sre_orchestrator" / layer).resolve() == ROOT / layer


def test_every_data_file_ships() -> None:
    left_out = [str(path) for path in data_files() if not ships(path)]

    assert left_out == [], "add patterns to [tool.setuptools.package-data]"


def test_the_installed_version_is_that_of_the_project() -> None:
    assert version("sre-orchestrator") == PROJECT["project"]["version"]


def test_every_dependency_of_an_extra_is_left_out_of_the_default_installation() -> None:
    default = {one.split(">")[0].split("=")[0].split("[")[0] for one in PROJECT["project"]["dependencies"]}

    assert not default & {"llama-cpp-python", "durable-rules", "torch", "txtai", "pytest"}
    assert set(PROJECT["project"]["optional-dependencies"]) == {
        "databases",
        "documents",
        "durable",
        "local",
        "otel",
        "postgres",
        "test",
    }
