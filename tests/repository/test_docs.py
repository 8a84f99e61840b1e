"""The documentation says what the code does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest
from cogapp import Cog
from jsonschema import Draft202012Validator
from reports import rich_report

from sre_orchestrator.api.render import json_text
from sre_orchestrator.core.models import Report

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
SCHEMA = json.loads((ROOT / "docs" / "reference" / "report.schema.json").read_text(encoding="utf-8"))
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_is_generated_is_up_to_date(page: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SRE_ORCHESTRATOR_STATE_DIR", str(tmp_path))
    before = list(sys.path)
    try:
        wrong = Cog().main(["cog", "-I", str(ROOT / "docs"), "--check", str(page)])
    finally:
        sys.path[:] = before

    assert wrong == 0, "run: cog -I docs -r README.md docs/*/*.md docs/*/*/*.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_published_schema_is_that_of_the_report() -> None:
    assert {key: SCHEMA[key] for key in ("$ref", "$defs")} == json.loads(
        msgspec.json.encode(msgspec.json.schema(Report))
    ), "run: python docs/generate.py >docs/reference/report.schema.json"


def test_a_report_as_data_fits_the_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(json.loads(json_text(rich_report())))


def test_the_readme_gives_the_two_commands() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()

    assert "python3 -m pip install . && sre-orchestrator demo" in lines
    assert 'python3 -m pip install -e ".[test]" && pytest' in lines


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")

    assert [page.name for page in PAGES[1:] if page.relative_to(ROOT / "docs").as_posix() not in navigation] == []


def test_every_fragment_has_a_type_that_the_changelog_knows() -> None:
    towncrier = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["towncrier"]
    known = {one["directory"] for one in towncrier["type"]}
    fragments = list((ROOT / "changelog.d").glob("*.md"))

    assert fragments
    assert [path.name for path in fragments if path.name.split(".")[-2] not in known] == []


def test_scripts_are_sound() -> None:
    done = subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], capture_output=True, check=False)

    assert done.returncode == 0, done.stderr
