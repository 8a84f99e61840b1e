"""Rules and checks of runbooks are taken from the library; bad ones are gaps, and an installation without runbooks has none."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from sre_orchestrator.api.advice import Advice
from sre_orchestrator.api.blocks import Blocks, Shelf
from sre_orchestrator.api.packed import Packed
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.knowledge import Document, Fence, Passage
from sre_orchestrator.core.models import Gap
from sre_orchestrator.core.settings import KnowledgeSettings, Settings
from sre_orchestrator.plugins.knowledge.library import Library, library_file

RULE = """id: cart-waits
title: Pods of the cart wait
status: experimental
why: The owner says so.
when: {all: {a: {kind: pod.phase, phase: Pending}}}
then: {cause: application-start-error, component: "{a.component}", strength: weak, because: pending}
tests:
  - {name: fires, facts: [{kind: pod.phase, component: pod/shop/a, phase: Pending}], expect: [application-start-error]}
  - {name: silent, facts: [], expect: []}
"""
CHECK = "It waits: {kind: pod.phase, phase: Pending}\nIt is full: {kind: pod.fase}\n"


def library(state_dir: Path, *fences: Fence) -> None:
    passage = Passage(headings=("Cart",), text="The cart.", fences=fences)
    with closing(Library(library_file(str(state_dir)))) as kept:
        kept.keep([Document(address="/r/cart.md", title="Cart", format="markdown", digest="d", passages=(passage,))])


def test_without_a_library_there_are_no_blocks_and_none_is_made(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)

    assert shelf.blocks() == Blocks()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_a_library_has_no_blocks(tmp_path: Path) -> None:
    (tmp_path / "knowledge").mkdir()

    assert Shelf(tmp_path).blocks() == Blocks()


def test_the_rules_of_runbooks_are_in_the_book(tmp_path: Path) -> None:
    library(tmp_path, Fence(language="rule", text=RULE, line=4), Fence(language="check", text=CHECK, line=20))
    installation = Installation(Settings(state_dir=str(tmp_path)))

    with closing(installation):
        assert [rule.path for rule in installation.book.rules if rule.id == "cart.cart-waits"] == ["/r/cart.md:4"]
        assert installation.refused == ("/r/cart.md:21: unknown fact kind 'pod.fase'; did you mean 'pod.phase'?",)


def test_rules_in_the_runbooks_of_plugins_count_too(tmp_path: Path) -> None:
    (tmp_path / "cart.md").write_text(f"# Cart\n\n```rule\n{RULE}```\n")
    packed = Packed(lambda: {"acme": [tmp_path]}, KnowledgeSettings())

    with closing(Shelf(tmp_path / "state", packed)) as shelf:
        assert [one.text for one in shelf.blocks().rules] == [RULE]


def test_a_rule_that_cannot_be_used_is_a_gap(tmp_path: Path) -> None:
    library(tmp_path, Fence(language="rule", text="id: x", line=4))
    installation = Installation(Settings(state_dir=str(tmp_path)))

    with closing(installation):
        (gap,) = (gap for gap in installation.gaps() if gap.agent == "runbooks")
        assert gap.why.startswith("/r/cart.md:")
        assert gap.remedy == "correct it and ingest it again"


def damaged(state_dir: Path) -> Path:
    file = library_file(str(state_dir))
    file.parent.mkdir()
    file.write_bytes(b"no database" * 100)
    return file


def test_a_library_that_cannot_be_used_is_a_gap_of_its_own(tmp_path: Path) -> None:
    file = damaged(tmp_path)

    with closing(Installation(Settings(state_dir=str(tmp_path)))) as installation:
        assert installation.refused == ()
        assert [gap for gap in installation.gaps() if gap.agent == "runbooks"] == [
            Gap(
                agent="runbooks",
                what="the library of runbooks, and the rules and checks in it",
                why=f"{file}: the library of runbooks is damaged: file is not a database",
                remedy="make it again: sre-orchestrator runbooks ingest --rebuild FOLDER…",
            )
        ]


def test_a_damaged_library_keeps_the_rules_of_plugins_in_the_book(tmp_path: Path) -> None:
    (tmp_path / "cart.md").write_text(f"# Cart\n\n```rule\n{RULE}```\n")
    packed = Packed(lambda: {"acme": [tmp_path]}, KnowledgeSettings())
    damaged(tmp_path)

    with closing(Shelf(tmp_path, packed)) as shelf:
        blocks = shelf.blocks()

    assert [one.text for one in blocks.rules] == [RULE]
    assert [gap.agent for gap in blocks.gaps] == ["runbooks"]


def test_the_blocks_of_a_document_are_given_in_order(tmp_path: Path) -> None:
    fences = (Fence(language="sh", text="ls", line=4), Fence(language="check", text=CHECK, line=20))
    library(tmp_path, *fences)
    shelf = Shelf(tmp_path)
    consulted = Advice(shelf, Settings(state_dir=str(tmp_path)), lambda: None).consulted()

    assert consulted.fences("/r/cart.md") == fences
    assert consulted.fences("/r/bank.md") == ()
    shelf.close()
    shelf.close()


def test_links_that_cannot_be_read_are_a_gap_and_nothing_is_linked(tmp_path: Path) -> None:
    library(tmp_path, Fence(language="check", text="", line=4))
    settings = Settings(state_dir=str(tmp_path), knowledge=KnowledgeSettings(links=str(tmp_path / "never.yaml")))

    with closing(Installation(settings)) as installation:
        (gap,) = (gap for gap in installation.advice.gaps() if gap.what == "the confirmed links of alerts")
        assert "never.yaml" in gap.why
        assert installation.advice.gaps() == (gap,)
