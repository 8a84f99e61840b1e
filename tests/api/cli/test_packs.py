"""``rules add``, ``packs`` and ``remove``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Run

CAUSE = "acme-queue-full: {title: A queue is full, category: test, blamed_on: workload}\n"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SRE_ORCHESTRATOR_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "acme" / "causes").mkdir(parents=True)
    (tmp_path / "acme" / "causes" / "acme.yaml").write_text(CAUSE)
    return tmp_path / "acme"


def test_a_pack_is_added_listed_and_removed(run: Run, source: Path) -> None:
    added, listed = run("rules", "add", source), run("rules", "packs")
    told = json.loads(run("rules", "packs", "--format", "json").out)
    removed, left = run("rules", "remove", "acme"), run("rules", "packs")

    assert added.out == f"added acme {told[0]['digest'][:12]}: 1 cause\n0 tests passed\n"
    assert (told[0]["name"], told[0]["origin"]) == ("acme", str(source))
    assert listed.out.split() == ["acme", "-", told[0]["digest"][:12], str(source)]
    assert removed.out == "removed acme\n"
    assert left.out == ""
    assert "there are no rule packs" in left.err


def test_a_pack_that_is_refused_is_bad_input(run: Run, source: Path) -> None:
    (source / "causes" / "acme.yaml").write_text("noise")

    result = run("rules", "add", source)

    assert result.code == 2
    assert "the rule pack is refused, nothing of it was added" in result.err


def test_a_pack_that_was_changed_by_hand_is_named(run: Run, source: Path, tmp_path: Path) -> None:
    run("rules", "add", source)
    (tmp_path / "state" / "packs" / "acme" / "causes" / "acme.yaml").write_text("{}")

    result = run("rules", "packs")

    assert (result.code, result.out) == (1, "")
    assert run("rules", "packs", "--format", "json").code == 1
    assert "its files are not those that were added; add it again, or remove it" in result.err
