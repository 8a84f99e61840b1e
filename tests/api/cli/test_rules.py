"""Checking, testing, listing, explaining and starting rules."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree

import pytest
from command_line import Run

from sre_orchestrator.plugins.knowledge.library import library_file
from sre_orchestrator.rules.coverage import Covered, Pair


@pytest.fixture
def fresh(run: Run, tmp_path: Path) -> Path:
    run("rules", "new", "queue-consumer-gone", "--folder", tmp_path / "mine")
    return tmp_path / "mine" / "queue-consumer-gone.yaml"


def test_the_built_in_book_is_in_order_and_passes_its_tests(run: Run) -> None:
    checked, tested = run("rules", "check"), run("rules", "test")

    assert (checked.code, checked.err) == (0, "")
    assert checked.out.endswith(" rules are in order\n")
    assert tested.out.endswith(" tests, 0 failed\n")


def test_a_new_rule_passes_as_it_is(run: Run, fresh: Path) -> None:
    assert run("rules", "check", fresh).out == "1 rule is in order\n"
    assert run("rules", "test", fresh.parent).out == "2 tests, 0 failed\n"


def test_a_new_rule_does_not_overwrite_an_old_one(run: Run, fresh: Path) -> None:
    result = run("rules", "new", "queue-consumer-gone", "--folder", fresh.parent)

    assert result.code == 2
    assert result.err == f"error: {fresh}: exists already; choose another id\n"


def test_an_embedded_test_that_fails_is_named(run: Run, fresh: Path) -> None:
    fresh.write_text(
        fresh.read_text(encoding="utf-8").replace("expect: [application", "expect: [database-down, application")
    )
    result = run("rules", "test", fresh)

    assert result.code == 1
    assert result.err.startswith(f"{fresh}: it fires: expected ")
    assert result.out == "2 tests, 1 failed\n"


def test_a_mistake_is_named_with_its_line(run: Run, fresh: Path) -> None:
    fresh.write_text(fresh.read_text(encoding="utf-8").replace("kind: container.waiting", "kind: container.wating"))
    result = run("rules", "check", fresh)

    assert result.code == 2
    assert f"{fresh}:8: " in result.err
    assert "did you mean 'container.waiting'?" in result.err


def test_every_file_with_a_mistake_is_named(run: Run, fresh: Path) -> None:
    text = fresh.read_text(encoding="utf-8")
    for name in ("other", "third"):
        (fresh.parent / f"{name}.yaml").write_text(text)
    checked, tested = run("rules", "check", fresh.parent), run("rules", "test", fresh.parent)

    assert (checked.code, checked.out) == (2, "1 rule is in order\n")
    assert (tested.code, tested.out) == (2, "2 tests, 0 failed\n")
    assert [line.partition(":")[2].split(":")[0].strip() for line in checked.err.splitlines()] == [
        str(fresh.parent / "other.yaml"),
        str(fresh.parent / "third.yaml"),
    ]


@pytest.fixture
def state(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state_dir: Path) -> Path:
    """Return a state folder of this test alone, which knows the built-in book."""
    run("rules", "list")
    copytree(state_dir / "cache", tmp_path / "state" / "cache")
    monkeypatch.setenv("SRE_ORCHESTRATOR_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def test_rules_of_packs_and_of_folders_are_checked_and_tested_with_the_book(
    run: Run, fresh: Path, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acme" / "rules").mkdir(parents=True)
    text = fresh.read_text(encoding="utf-8")
    (tmp_path / "acme" / "rules" / "acme-waits.yaml").write_text(text.replace("queue-consumer-gone", "acme-waits"))
    run("rules", "add", tmp_path / "acme")
    monkeypatch.setenv("SRE_ORCHESTRATOR_RULE_FOLDERS", str(fresh.parent))
    checked, tested = run("rules", "check"), run("rules", "test")
    (state / "packs" / "acme" / "rules" / "acme-waits.yaml").write_text("id: changed\n")
    fresh.write_text(text.replace("expect: [application", "expect: [database-down, application"))
    changed = run("rules", "test")

    assert (checked.code, checked.err, tested.code, tested.err) == (0, "", 0, "")
    assert checked.out.splitlines()[1:3] == ["rule pack acme: 1 rule", f"folder {fresh.parent}: 1 rule"]
    assert tested.out.splitlines()[1:3] == ["rule pack acme: 2 tests", f"folder {fresh.parent}: 2 tests"]
    assert changed.code == 2
    assert f"{fresh}: it fires: expected " in changed.err
    assert "packs/acme: the rule pack cannot be used: its files are not those that were added" in changed.err


def test_a_list_without_the_rules_of_a_damaged_library_says_so(run: Run, state: Path) -> None:
    library_file(str(state)).parent.mkdir()
    library_file(str(state)).write_bytes(b"no database" * 100)
    listed, data = run("rules", "list"), run("rules", "list", "--format", "json")
    explained = run("rules", "explain", "cart.cart-waits")

    assert (listed.code, data.code, explained.code) == (1, 1, 2)
    assert len(listed.out.splitlines()) == len(json.loads(data.out)) >= 60
    assert listed.err == data.err == explained.err.splitlines(keepends=True)[0]
    assert listed.err.startswith(
        "error: the library of runbooks, and the rules and checks in it: "
        f"{library_file(str(state))}: the library of runbooks is damaged: "
    )
    assert "ingest --rebuild" in listed.err


def test_a_path_that_does_not_exist_is_bad_input(run: Run) -> None:
    assert run("rules", "check", "nowhere.yaml").err == "error: nowhere.yaml: does not exist\n"


def test_list_names_every_rule_as_text_and_as_data(run: Run) -> None:
    rows = json.loads(run("rules", "list", "--format", "json").out)
    text = run("rules", "list").out.splitlines()

    assert len(rows) == len(text) >= 60
    assert {"id", "title", "status", "path"} == rows[0].keys()
    assert text[0].startswith(rows[0]["id"])


def test_explain_prints_the_rule_as_it_is_written(run: Run) -> None:
    first = json.loads(run("rules", "list", "--format", "json").out)[0]["id"]

    assert f"id: {first}\n" in run("rules", "explain", first).out


def test_explain_of_an_unknown_rule_suggests_the_nearest(run: Run) -> None:
    first = json.loads(run("rules", "list", "--format", "json").out)[0]["id"]

    assert run("rules", "explain", f"{first}x").err == (
        f"error: there is no rule {first + 'x'!r}; did you mean {first!r}?\n"
    )


def test_the_coverage_of_the_built_in_book_is_printed(run: Run) -> None:
    text, data = run("rules", "coverage", "--strict"), run("rules", "coverage", "--format", "json")

    assert (text.code, text.err) == (0, "")
    assert "\n0 holes\n" in text.out
    assert "quota-pods-exceeded~" in text.out
    assert {"cause": "scaled-to-zero", "holes": []}.items() <= {one["cause"]: one for one in json.loads(data.out)}[
        "scaled-to-zero"
    ].items()


def test_a_hole_is_printed_and_fails_only_when_asked_to(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = (Pair(cause="starved", forth="never", back="looked"),)
    hole = Covered(cause="broken", rules=0, against=0, firing=0, silent=0, wordings=0, pairs=pairs, holes=("no rule",))
    monkeypatch.setattr("sre_orchestrator.api.cli.rules.cover", lambda *_: (hole,))

    assert run("rules", "coverage").code == 0
    assert run("rules", "coverage", "--strict").code == 1
    assert "starved!\n" in run("rules", "coverage").out
    assert run("rules", "coverage").out.endswith("1 hole\n  broken: no rule\n")
