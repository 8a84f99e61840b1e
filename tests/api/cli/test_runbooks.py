"""Ingesting, searching, listing and removing runbooks from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Run
from extras import need
from local_models import minilm
from metric_servers import free_port
from postgres import fresh_database
from sqlalchemy import text
from unwritable import open_folder, unwritable

from sre_orchestrator.api.service.store.engine import open_engine

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
def test_what_is_not_in_the_library_is_told_without_a_guess(run: Run, books: Path) -> None:
    run("runbooks", "ingest", books)

    assert run("runbooks", "remove", "./runbooks/old").err == (
        "error: ./runbooks/old: there is no such runbook in the library; sre-orchestrator runbooks list shows what there is\n"
    )
    assert f"did you mean '{books}/team'?" in run("runbooks", "remove", books / "taem").err


@pytest.mark.usefixtures("state")
def test_an_empty_folder_says_what_would_have_been_read(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = run("runbooks", "ingest", tmp_path / "empty")

    assert (result.code, result.out) == (0, "0 added, 0 changed, 0 unchanged, 0 removed\n")
    assert result.err.startswith(
        f"note: {tmp_path}/empty: holds nothing to ingest; runbooks are read from .md, .markdown, .rst, "
    )
    assert (
        "alert rules from .yaml, .yml; files and folders whose names begin with a dot are passed over\n" in result.err
    )


@pytest.mark.usefixtures("state")
def test_files_that_are_passed_over_are_named_where_nothing_else_is(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "values.yaml").write_text("a: b\n")
    for number in range(10):
        (tmp_path / "other" / f"{number}.png").write_bytes(b"")
    told = run("runbooks", "ingest", tmp_path / "other").err.splitlines()
    (tmp_path / "other" / "9.png").unlink()
    fewer = run("runbooks", "ingest", tmp_path / "other").err.splitlines()

    assert told[1] == f"note: {tmp_path}/other/0.png: was passed over: is in no format of runbooks"
    assert told[-1] == "note: 1 more file passed over; --format json names all"
    assert fewer[-1] == f"note: {tmp_path}/other/values.yaml: was passed over: holds no alert rules"


def test_a_library_that_cannot_be_written_can_be_read(run: Run, books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_folder() as state:
        monkeypatch.setenv("SRE_ORCHESTRATOR_STATE_DIR", str(state))
        run("runbooks", "ingest", books)
        run("runbooks", "search", "queue")
        with unwritable(state / "knowledge"):
            found, listed = run("runbooks", "search", "consumers of the queue"), run("runbooks", "list")
            removed = run("runbooks", "remove", books / "team")

    assert (found.code, listed.code, removed.code) == (0, 0, 2)
    assert found.out.startswith("1. Queue of payments")
    assert len(listed.out.splitlines()) == 2
    assert "attempt to write a readonly database; see whether the folder can be written" in removed.err


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


@pytest.mark.usefixtures("state")
def test_somebody_who_looks_sees_a_bar(run: Run, books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)

    assert run("runbooks", "ingest", books).out.startswith("2 added")


def test_a_damaged_library_is_told_and_made_again(run: Run, books: Path, state: Path) -> None:
    run("runbooks", "ingest", books)
    (state / "knowledge" / "library.db").write_bytes(b"noise" * 1000)
    damaged = run("runbooks", "search", "queue")
    again = run("runbooks", "ingest", "--rebuild", books)

    assert damaged.code == 2
    assert "library.db: the library of runbooks is damaged" in damaged.err
    assert "sre-orchestrator runbooks ingest --rebuild FOLDER" in damaged.err
    assert again.out.startswith("2 added")


def test_a_library_that_is_made_again_has_the_runbooks_of_rule_packs(
    run: Run, books: Path, state: Path, tmp_path: Path
) -> None:
    (tmp_path / "acme" / "runbooks").mkdir(parents=True)
    (tmp_path / "acme" / "runbooks" / "queues.md").write_text("# Queues of Acme\n\nAsk them.\n")
    run("rules", "add", tmp_path / "acme")
    (state / "knowledge" / "library.db").write_bytes(b"noise" * 1000)

    again = run("runbooks", "ingest", "--rebuild", books)

    assert again.out.startswith("3 added")
    assert "Queues of Acme" in run("runbooks", "list").out


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
    assert result.out == "2 added, 0 changed, 0 unchanged, 0 removed, 1 rule or check refused\n"
    assert "bad.md:4: rule 'cart-late' fails its test 'fires'" in result.err
    assert "good.md" not in result.err


@pytest.mark.usefixtures("state")
def test_a_runbook_whose_rule_passes_is_in_order(run: Run, tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text(RULED.replace("PHASE", "Pending"))

    result = run("runbooks", "ingest", tmp_path / "good.md")

    assert (result.code, result.err) == (0, "")
    assert "good.cart-waits " in run("rules", "list").out
    assert run("rules", "explain", "good.cart-waits").out.startswith("id: cart-waits\ntitle: Pods of the cart wait\n")
    assert run("rules", "explain", "good.cart-late").code == 2


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

    assert "2 passages found by meaning" in first.err
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


@pytest.fixture
def shared(embedding: Path) -> str:
    """Return the address of a database that the settings of ``embedding`` name, too."""
    address = fresh_database()
    with embedding.open("a") as file:
        file.write(f"service: {{database_url: '{address}'}}\n")
    return address


def test_beside_a_service_on_postgresql_its_vectors_are_used_by_every_command(
    run: Run, books: Path, embedding: Path, shared: str, state: Path
) -> None:
    replica = ("--state-dir", state.with_name("replica"), "--settings", embedding)
    first = run("runbooks", "ingest", books, "--settings", embedding)
    run("runbooks", "ingest", books, *replica)
    found = run("runbooks", "search", "workers hang and messages pile up", *replica)

    assert "2 passages found by meaning" in first.err
    assert "found by meaning" in found.out
    assert not list(state.parent.rglob("*-vectors.db"))
    engine = open_engine(shared)
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM runbook_vector")) == 2
    engine.dispose()


@pytest.mark.usefixtures("state")
def test_a_shared_database_that_is_away_is_told_and_words_answer(run: Run, books: Path, embedding: Path) -> None:
    with embedding.open("a") as file:
        file.write(f"service: {{database_url: 'postgresql://sre:word@127.0.0.1:{free_port()}/x'}}\n")
    first = run("runbooks", "ingest", books, "--settings", embedding)
    found = run("runbooks", "search", "consumers of the queue", "--settings", embedding)

    assert (first.code, first.out.partition(",")[0]) == (0, "2 added")
    assert "the database cannot be used" in first.err
    assert "word" not in first.err.replace("words", "")
    assert "found by words" in found.out


ALERTS = """groups:
- rules:
  - alert: NodeClockSkew
    expr: node_timex_offset_seconds > 0.05
    annotations: {summary: The clock of a node is wrong, runbook_url: "https://x/clock-skew"}
  - alert: Unknown
    expr: up == 0
"""


@pytest.fixture
def skewed(run: Run, tmp_path: Path, state: Path) -> Path:
    folder = tmp_path / "skewed"
    folder.mkdir()
    (folder / "clock-skew.md").write_text("# Clock skew\n\nThe clock of the node is wrong. Look at the time service.\n")
    (folder / "rules.yaml").write_text(ALERTS)
    (folder / "other.yaml").write_text("kind: Deployment\n")
    result = run("runbooks", "ingest", folder)
    assert (
        result.out == "1 added, 0 changed, 0 unchanged, 0 removed, 1 skipped (no format of runbooks), 2 alert rules\n"
    )
    assert state.exists()
    return folder


def test_alerts_are_linked_for_review_and_what_is_confirmed_stays(
    run: Run, skewed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = tmp_path / "links.yaml"

    told, every = run("runbooks", "link"), run("runbooks", "link", "--all", "--format", "json")
    run("runbooks", "link", "--out", links)
    proposed = links.read_text()
    links.write_text("NodeClockSkew: {runbook: mine, causes: []}\n")
    monkeypatch.setenv("SRE_ORCHESTRATOR_KNOWLEDGE", f"{{links: {links}}}")
    run("runbooks", "link", "--out", links)

    assert told.out.startswith(f"NodeClockSkew  {skewed / 'clock-skew.md'} (by runbook_url)\n    clock-skew ")
    assert [one["alert"] for one in json.loads(every.out)] == ["NodeClockSkew", "Unknown"]
    assert f"NodeClockSkew:\n  runbook: {skewed / 'clock-skew.md'}\n  causes:\n  - clock-skew\n" in proposed
    assert links.read_text().endswith("NodeClockSkew:\n  runbook: mine\n  causes: []\n")
    assert "NodeClockSkew  confirmed  " in run("runbooks", "link").out


def test_a_model_that_cannot_be_opened_is_told_and_words_link(
    run: Run, skewed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRE_ORCHESTRATOR_MODEL", "{embedder: 'nothing:x'}")

    result = run("runbooks", "link")

    assert "by words alone" in result.err
    assert str(skewed) in result.out


@pytest.mark.usefixtures("state")
def test_links_that_cannot_be_made_are_told(run: Run, tmp_path: Path, books: Path) -> None:
    nothing = run("runbooks", "link")
    run("runbooks", "ingest", books)
    nowhere = run("runbooks", "link", "--out", tmp_path / "never" / "links.yaml")

    assert (nothing.code, "there are no runbooks yet" in nothing.err) == (2, True)
    assert "cannot be written: No such file or directory; choose another place" in nowhere.err


def test_a_file_without_alert_rules_or_with_bad_ones_is_told(run: Run, skewed: Path) -> None:
    none = run("runbooks", "ingest", skewed / "other.yaml")
    (skewed / "other.yaml").write_text("groups: [{rules: [{alert: [x]}]}]")
    bad = run("runbooks", "ingest", skewed)
    gone = run("runbooks", "ingest", skewed / "never.yaml")

    assert (none.code, "holds no alert rules" in none.err) == (2, True)
    assert (bad.code, "its alert rules cannot be read" in bad.err) == (1, True)
    assert (gone.code, "cannot be read: No such file" in gone.err) == (2, True)


def test_the_rules_of_a_file_that_is_gone_are_forgotten(run: Run, skewed: Path) -> None:
    (skewed / "rules.yaml").unlink()
    run("runbooks", "ingest", skewed)

    assert [one["alert"] for one in json.loads(run("runbooks", "link", "--all", "--format", "json").out)] == [
        "clock-skew"
    ]
