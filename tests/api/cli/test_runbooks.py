"""Ingesting, searching, listing and removing runbooks from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Run
from extras import need
from local_models import minilm

CART = """---
owner: team-cart
alerts: [CartErrorsHigh]
last_reviewed: 2020-02-01
---
# Cart answers 500

## Mitigation

Roll the release back.
"""
QUEUE = "# Queue of payments\n\nConsumers of the queue stand still.\n"


@pytest.fixture
def books(tmp_path: Path) -> Path:
    folder = tmp_path / "books"
    (folder / "team").mkdir(parents=True)
    (folder / "cart.md").write_text(CART)
    (folder / "team" / "queue.md").write_text(QUEUE)
    (folder / "picture.png").write_bytes(b"\x89PNG")
    return folder


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Path:
    del run  # which sets a state directory for all
    monkeypatch.setenv("SRE_ORCHESTRATOR_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.mark.usefixtures("state")
def test_a_folder_is_ingested_and_then_only_what_has_changed(run: Run, books: Path) -> None:
    first = run("runbooks", "ingest", books)
    (books / "cart.md").write_text(CART + "\nAsk the owner.\n")
    (books / "team" / "queue.md").unlink()
    second = run("runbooks", "ingest", books)

    assert (first.code, first.out) == (
        0,
        "2 added, 0 changed, 0 unchanged, 0 removed, 1 skipped (no format of runbooks)\n",
    )
    assert second.out == "0 added, 1 changed, 0 unchanged, 1 removed, 1 skipped (no format of runbooks)\n"


@pytest.mark.usefixtures("state")
def test_a_search_prints_title_headings_passage_and_place(run: Run, books: Path) -> None:
    run("runbooks", "ingest", books)
    found = run("runbooks", "search", "CartErrorsHigh")

    assert found.code == 0
    assert found.out == (
        f"1. Cart answers 500 > Mitigation\n   {books}/cart.md:8  (found by alert, last reviewed long ago)\n"
        "   Roll the release back.\n\n"
    )


@pytest.mark.usefixtures("state")
def test_a_search_prints_json(run: Run, books: Path) -> None:
    run("runbooks", "ingest", books)
    (found,) = json.loads(run("runbooks", "search", "consumers of the queue", "--format", "json").out)

    assert (found["title"], found["address"], found["by"]) == (
        "Queue of payments",
        f"{books}/team/queue.md:1",
        ["words"],
    )


@pytest.mark.usefixtures("state")
def test_a_search_that_finds_nothing_says_what_to_do(run: Run, books: Path) -> None:
    run("runbooks", "ingest", books)
    found = run("runbooks", "search", "zeppelin")

    assert (found.code, found.out) == (0, "")
    assert "sre-orchestrator runbooks list" in found.err


@pytest.mark.usefixtures("state")
def test_the_list_names_owner_and_review(run: Run, books: Path) -> None:
    run("runbooks", "ingest", books)

    assert run("runbooks", "list").out == (
        f"{books}/cart.md  Cart answers 500, owner team-cart, reviewed 2020-02-01\n"
        f"{books}/team/queue.md  Queue of payments\n"
    )
    assert [one["passages"] for one in json.loads(run("runbooks", "list", "--format", "json").out)] == [1, 1]


@pytest.mark.usefixtures("state")
def test_a_folder_is_removed_and_a_typing_mistake_is_told(run: Run, books: Path) -> None:
    run("runbooks", "ingest", books)
    wrong = run("runbooks", "remove", books / "crat.md")
    right = run("runbooks", "remove", books / "team")

    assert (wrong.code, right.out) == (2, f"removed 1 of {books}/team\n")
    assert f"did you mean '{books}/cart.md'?" in wrong.err


@pytest.mark.usefixtures("state")
def test_an_unreadable_document_is_told_and_the_others_are_ingested(run: Run, books: Path) -> None:
    (books / "noise.md").write_bytes(bytes(range(256)) * 4)
    result = run("runbooks", "ingest", books, "--format", "json")

    assert result.code == 1
    assert result.err.startswith(f"error: {books}/noise.md: is no text but binary data; export it as Markdown")
    assert len(json.loads(result.out)["added"]) == 2


@pytest.mark.usefixtures("state")
def test_nothing_but_unreadable_documents_is_bad_input(run: Run, tmp_path: Path) -> None:
    result = run("runbooks", "ingest", tmp_path / "never")

    assert result.code == 2
    assert "cannot be read: No such file or directory" in result.err


@pytest.mark.usefixtures("state")
def test_without_places_the_folders_of_the_settings_are_ingested(
    run: Run, books: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = run("runbooks", "ingest")
    monkeypatch.setenv("SRE_ORCHESTRATOR_KNOWLEDGE", f"{{folders: [{books}]}}")

    assert (nothing.code, "knowledge.folders" in nothing.err) == (2, True)
    assert run("runbooks", "ingest").out.startswith("2 added")


@pytest.mark.usefixtures("state")
def test_a_search_without_a_library_says_how_to_get_one(run: Run) -> None:
    result = run("runbooks", "search", "queue")

    assert result.code == 2
    assert "there are no runbooks yet; sre-orchestrator runbooks ingest FOLDER" in result.err


def test_a_damaged_library_is_told_and_made_again(run: Run, books: Path, state: Path) -> None:
    run("runbooks", "ingest", books)
    (state / "knowledge" / "library.db").write_bytes(b"noise" * 1000)
    damaged = run("runbooks", "search", "queue")
    again = run("runbooks", "ingest", "--rebuild", books)

    assert damaged.code == 2
    assert "library.db: the library of runbooks is damaged" in damaged.err
    assert "sre-orchestrator runbooks ingest --rebuild FOLDER" in damaged.err
    assert again.out.startswith("2 added")


RULED = """# Cart

```rule
id: cart-waits
title: Pods of the cart wait
status: experimental
why: The owner says so.
when: {all: {a: {kind: pod.phase, phase: Pending}}}
then: {cause: application-start-error, component: "{a.component}", strength: weak, because: pending}
tests:
  - {name: fires, facts: [{kind: pod.phase, component: pod/shop/a, phase: PHASE}], expect: [application-start-error]}
  - {name: silent, facts: [], expect: []}
```

```check
It waits: {kind: pod.phase, phase: Pending}
```
"""


@pytest.mark.usefixtures("state")
def test_a_rule_that_fails_its_tests_is_named_and_its_document_is_ingested(run: Run, tmp_path: Path) -> None:
    books = tmp_path / "ruled"
    books.mkdir()
    (books / "good.md").write_text(RULED.replace("PHASE", "Pending"))
    (books / "bad.md").write_text(RULED.replace("PHASE", "Running").replace("cart-waits", "cart-late"))

    result = run("runbooks", "ingest", books)

    assert result.code == 1
    assert result.out == "2 added, 0 changed, 0 unchanged, 0 removed, 1 rules or checks refused\n"
    assert "bad.md:4: rule 'cart-late' fails its test 'fires'" in result.err
    assert "good.md" not in result.err


@pytest.mark.usefixtures("state")
def test_a_runbook_whose_rule_passes_is_in_order(run: Run, tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text(RULED.replace("PHASE", "Pending"))

    result = run("runbooks", "ingest", tmp_path / "good.md")

    assert (result.code, result.err) == (0, "")


@pytest.fixture
def embedding(tmp_path: Path) -> Path:
    need("txtai", "txtai, see .ci/models")
    path = tmp_path / "settings.yaml"
    path.write_text(f"model: {{embedder: 'llama_cpp:{minilm(tmp_path)}', threads: 1}}\n")
    return path


@pytest.mark.usefixtures("state")
def test_with_a_model_that_embeds_a_search_finds_meanings(run: Run, books: Path, embedding: Path) -> None:
    first = run("runbooks", "ingest", books, "--settings", embedding)
    found = run("runbooks", "search", "workers hang and messages pile up", "--settings", embedding)

    assert "2 passages are found by their meaning" in first.err
    assert found.out.startswith("1. Queue of payments\n")
    assert "found by meaning" in found.out


@pytest.mark.usefixtures("state")
def test_a_model_that_cannot_be_opened_is_told_and_words_answer(run: Run, books: Path, tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("model: {embedder: 'llama_cpp:/absent.gguf'}\n")
    first = run("runbooks", "ingest", books, "--settings", settings)
    found = run("runbooks", "search", "consumers of the queue", "--settings", settings)

    assert first.code == 0
    assert "/absent.gguf" in first.err
    assert "/absent.gguf" in found.err
    assert "found by words" in found.out
