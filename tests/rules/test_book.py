"""The book is read once, checked whole, and keeps strangers' mistakes to themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from sre_orchestrator.core.errors import RuleError
from sre_orchestrator.core.vocabulary import Attribute, FactKind, Vocabulary, load_vocabulary
from sre_orchestrator.rules import book as module
from sre_orchestrator.rules.book import builtin_causes, builtin_rules, load_book
from sre_orchestrator.rules.catalogue import read_causes, yaml_files

CAUSES = b"broken: {title: Broken, category: test, blamed_on: workload, confused_with: [starved]}\nstarved: {title: Starved, category: test, blamed_on: workload}\n"
RULE = """id: {name}
title: A rule
status: stable
why: A test.
when: {{all: {{a: {{kind: pod.phase, phase: Pending}}}}{more}}}
then: {then}
tests:
  - {{name: fires, facts: [{{kind: pod.phase, component: pod/shop/a, phase: Pending}}], coverage: [test.spared], expect: [broken]}}
  - {{name: silent, facts: [], expect: []}}
"""
CONCLUDE = '{cause: broken, component: "{a.component}", strength: weak, because: pending}'


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    known = load_vocabulary().kinds
    made = {
        kind: FactKind(about="x", component="pod", derived=True, attributes={"level": Attribute()})
        for kind in ("test.suspect", "test.spared")
    }
    return Vocabulary({**known, **made})


@pytest.fixture(autouse=True)
def _small_book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A built-in book of one cause file and one rule."""
    (tmp_path / "causes").mkdir()
    (tmp_path / "own").mkdir()
    (tmp_path / "theirs").mkdir()
    (tmp_path / "causes" / "test.yaml").write_bytes(CAUSES)
    write(tmp_path / "own", "mine")
    monkeypatch.setattr(module, "builtin_causes", lambda: (tmp_path / "causes",))
    monkeypatch.setattr(module, "builtin_rules", lambda: (tmp_path / "own",))


def write(folder: Path, name: str, then: str = CONCLUDE, more: str = "") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(RULE.format(name=name, then=then, more=more))
    return path


def derive(kind: str) -> str:
    return f'{{derive: {{kind: {kind}, component: "{{a.component}}"}}}}'


def test_rules_and_causes_are_read(tmp_path: Path, vocabulary: Vocabulary) -> None:
    write(tmp_path / "theirs", "another")

    book = load_book(vocabulary, rule_folders=[tmp_path / "theirs"])

    assert [rule.id for rule in book.rules] == ["another", "mine"]
    assert set(book.causes) == {"broken", "starved"}
    assert book.problems == ()
    assert book.compile().digest == book.digest


def test_a_bad_rule_of_a_third_party_is_refused_alone(tmp_path: Path, vocabulary: Vocabulary) -> None:
    write(tmp_path / "theirs", "bad", CONCLUDE.replace("broken", "brokn"))
    write(tmp_path / "theirs", "good")

    book = load_book(vocabulary, rule_folders=[tmp_path / "theirs"])

    assert [rule.id for rule in book.rules] == ["good", "mine"]
    assert [problem.partition("theirs/")[2] for problem in book.problems] == [
        "bad.yaml:6: unknown cause 'brokn'; did you mean 'broken'?"
    ]


def test_a_taken_id_is_refused(tmp_path: Path, vocabulary: Vocabulary) -> None:
    write(tmp_path / "theirs", "mine")

    book = load_book(vocabulary, rule_folders=[tmp_path / "theirs"])

    assert [rule.path for rule in book.rules] == [str(tmp_path / "own" / "mine.yaml")]
    assert "rule id 'mine' is also in" in book.problems[0]


def test_a_rule_that_closes_a_negation_cycle_is_refused(tmp_path: Path, vocabulary: Vocabulary) -> None:
    write(tmp_path / "theirs", "one", derive("test.suspect"), ", none: [{kind: test.spared}]")
    write(tmp_path / "theirs", "two", derive("test.spared"), ", none: [{kind: test.suspect}]")

    book = load_book(vocabulary, rule_folders=[tmp_path / "theirs"])

    assert [rule.id for rule in book.rules] == ["mine", "one"]
    assert "depends on its own negation or count" in book.problems[0]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, vocabulary: Vocabulary) -> None:
    book = load_book(vocabulary, rule_folders=[tmp_path / "nowhere"], cause_folders=[tmp_path / "gone"])

    assert [problem.partition(": ")[2][:14] for problem in book.problems] == ["cannot be read", "cannot be read"]


def test_causes_of_a_third_party_are_added_or_refused_by_the_folder(tmp_path: Path, vocabulary: Vocabulary) -> None:
    for name, text in (
        ("good", "new: {title: New, category: x, blamed_on: node}"),
        ("bad", "broken: {title: Again, category: x, blamed_on: node}"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "causes.yaml").write_text(text)

    book = load_book(vocabulary, cause_folders=[tmp_path / "bad", tmp_path / "good"])

    assert set(book.causes) == {"broken", "starved", "new"}
    assert "cause 'broken' is declared twice" in book.problems[0]


@pytest.mark.parametrize("then", ["{cause: nothing}", "[]", "{"])
def test_a_bad_rule_of_our_own_stops_the_start(tmp_path: Path, vocabulary: Vocabulary, then: str) -> None:
    write(tmp_path / "own", "bad", then)

    with pytest.raises(RuleError, match=r"bad\.yaml:\d"):
        load_book(vocabulary)


def test_bad_causes_of_our_own_stop_the_start(tmp_path: Path, vocabulary: Vocabulary) -> None:
    (tmp_path / "causes" / "more.yaml").write_text("broken: {title: Again, category: x, blamed_on: node}")

    with pytest.raises(RuleError, match="declared twice"):
        load_book(vocabulary)


def test_an_id_that_we_use_twice_stops_the_start(tmp_path: Path, vocabulary: Vocabulary) -> None:
    (tmp_path / "own" / "more").mkdir()
    write(tmp_path / "own" / "more", "mine")

    with pytest.raises(RuleError, match="rule id 'mine' is also in"):
        load_book(vocabulary)


def test_a_checked_book_is_kept_until_a_file_changes(tmp_path: Path, vocabulary: Vocabulary) -> None:
    cache = tmp_path / "state" / "cache"
    first = load_book(vocabulary, cache=cache)
    (kept,) = cache.iterdir()
    again = load_book(vocabulary, cache=cache)
    write(tmp_path / "own", "another")
    changed = load_book(vocabulary, cache=cache)

    assert again == first
    assert kept.name == f"book-{first.digest}.msgpack"
    assert changed.digest != first.digest
    assert len(changed.rules) == 2


def test_what_is_wrong_is_kept_too(tmp_path: Path, vocabulary: Vocabulary) -> None:
    folders = [tmp_path / "nowhere"]
    first = load_book(vocabulary, rule_folders=folders, cache=tmp_path / "cache")

    assert load_book(vocabulary, rule_folders=folders, cache=tmp_path / "cache") == first
    assert load_book(vocabulary, cache=tmp_path / "cache").problems == ()


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xc1"])
def test_a_damaged_cache_only_costs_time(tmp_path: Path, vocabulary: Vocabulary, content: bytes) -> None:
    first = load_book(vocabulary, cache=tmp_path / "cache")
    (tmp_path / "cache" / f"book-{first.digest}.msgpack").write_bytes(content)

    assert load_book(vocabulary, cache=tmp_path / "cache") == first


def test_a_cache_that_cannot_be_written_only_costs_time(tmp_path: Path, vocabulary: Vocabulary) -> None:
    (tmp_path / "file").write_text("no folder")

    assert load_book(vocabulary, cache=tmp_path / "file" / "cache").rules


def test_the_book_of_this_program_is_sound() -> None:
    causes = read_causes(file for folder in builtin_causes() for file in yaml_files(folder))

    assert builtin_rules()
    assert len(causes) > 50
