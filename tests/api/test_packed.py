"""The runbooks of plugins are a library of their own, read when it is needed."""

from __future__ import annotations

from pathlib import Path

from sre_orchestrator.api.advice import Advice
from sre_orchestrator.api.blocks import Shelf
from sre_orchestrator.api.packed import Packed
from sre_orchestrator.core.settings import KnowledgeSettings, Settings

TEXT = "---\ncauses: [flags-down]\n---\n# Flags are down\n\nSee.\n\n```check\ndown: {kind: pod.phase, phase: Failed}\n```\n"


def packed(*folders: Path, opened: list[str] | None = None) -> Packed:
    def given() -> dict[str, list[object]]:
        (opened if opened is not None else []).append("asked")
        return {"flags": list(folders)}

    return Packed(given, KnowledgeSettings())


def test_runbooks_of_plugins_are_found_at_addresses_that_are_the_same_everywhere(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "down.md").write_text(TEXT, encoding="utf-8")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    opened: list[str] = []

    brought = packed(tmp_path, opened=opened)
    library = brought.library()

    assert library is not None
    assert library.named("flags-down", "cause") == ("plugins/flags/more/down.md",)
    assert brought.library() is library
    assert (opened, brought.problems) == (["asked"], {})
    brought.close()


def test_their_blocks_of_code_are_on_the_shelf_beside_those_of_the_library(tmp_path: Path) -> None:
    (tmp_path / "down.md").write_text(TEXT, encoding="utf-8")
    shelf = Shelf(tmp_path / "state", packed(tmp_path))

    consulted = Advice(shelf, Settings(), lambda: None).consulted()

    assert [fence.language for fence in consulted.fences("plugins/flags/down.md")] == ["check"]
    assert consulted.fences("plugins/flags/up.md") == ()
    shelf.close()


def test_one_that_cannot_be_read_is_named_and_the_others_stay(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(b"PK\x03\x04 cut short")
    (tmp_path / "b.md").write_text(TEXT, encoding="utf-8")

    brought = packed(tmp_path)
    library = brought.library()

    assert library is not None
    assert [one.address for one in library.documents()] == ["plugins/flags/b.md"]
    assert [why.partition(":")[0] for why in brought.problems["flags"]] == ["a.docx"]
    brought.close()


def test_where_no_plugin_has_runbooks_there_is_no_library() -> None:
    brought = packed()

    assert brought.library() is None
    brought.close()
