"""A diagnosis finds runbooks: by name always, by meaning where a model embeds and txtai is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.machinery import ModuleSpec
from pathlib import Path

import anyio
import pytest
from clusters import shop
from extras import need
from faults import FAULTS
from meanings import Dictionary
from reports import hypothesis

from sre_orchestrator.api import advice as module
from sre_orchestrator.api.advice import Advice
from sre_orchestrator.api.blocks import Shelf
from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.language.ports import Embedder
from sre_orchestrator.core.ports import Around
from sre_orchestrator.core.settings import ModelSettings, Settings
from sre_orchestrator.plugins.knowledge.formats import read_document
from sre_orchestrator.plugins.knowledge.library import Library, library_file

NOON = Around(at=datetime(2030, 5, 1, 12, tzinfo=UTC))
LATE = hypothesis("Requests are late", cause="slow", because="latency rose")
MEMORY = b"---\ncauses: [memory-limit-too-low]\n---\n# Give it memory\n\nRaise the limit.\n\n```bash\nkubectl top pod -n $NAMESPACE\n```\n"
SLOW = b"# When all is slow\n\nThings are slow.\n"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    library = Library(library_file(str(tmp_path)))
    library.keep(read_document(text, f"/books/{name}.md").document for name, text in {"m": MEMORY, "s": SLOW}.items())
    library.close()
    return tmp_path


@pytest.fixture
def shelf(state: Path) -> Iterator[Shelf]:
    made = Shelf(state)
    yield made
    made.close()


def advice_of(shelf: Shelf, embedder: Embedder | None, named: str = "dictionary:any") -> Advice:
    settings = Settings(state_dir=str(shelf.folder.parent), model=ModelSettings(embedder=named))
    return Advice(shelf, settings, lambda: embedder)


def test_a_report_holds_the_runbook_of_its_cause_with_its_commands(state: Path) -> None:
    cluster = shop()
    FAULTS["memory_limit"](cluster)
    installation = Installation(Settings(state_dir=str(state)))

    report = anyio.run(diagnose_snapshot, installation, cluster.write(state / "snapshot")).report
    installation.close()

    (found,) = report.hypotheses[0].runbooks
    assert (found.title, found.address, found.by[0]) == ("Give it memory", "/books/m.md:4", "cause")
    assert found.steps[0].command == "kubectl top pod -n shop"
    assert [one.runbooks for one in report.hypotheses[1:]] == [()] * len(report.hypotheses[1:])


def test_without_a_library_nothing_is_opened(tmp_path: Path) -> None:
    advice = advice_of(Shelf(tmp_path), None)

    assert (advice.consulted().advise(hypothesis(), NOON), advice.gaps(), advice.meanings()) == ((), (), [])
    assert list(tmp_path.iterdir()) == []


def test_what_was_embedded_is_found_by_meaning(shelf: Shelf) -> None:
    need("txtai", "txtai, see .ci/models")
    advice = advice_of(shelf, Dictionary())
    before = advice.consulted().advise(LATE, NOON)
    (meaning,) = advice.meanings()
    list(meaning.embed())

    found = advice.consulted().advise(LATE, NOON)

    assert before == ()
    assert [(one.title, one.by) for one in found] == [("When all is slow", ("meaning",))]
    assert advice.gaps() == ()
    advice.close()


def test_a_model_that_cannot_be_opened_is_a_gap_of_the_model_and_names_still_count(shelf: Shelf) -> None:
    need("txtai", "txtai, see .ci/models")
    advice = advice_of(shelf, None)

    assert advice.consulted().advise(hypothesis(), NOON)[0].title == "Give it memory"
    assert (advice.meanings(), advice.gaps()) == ([], ())
    advice.close()


def test_without_txtai_a_gap_says_how_it_is_installed(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "txtai" else importlib.util.find_spec(name, package)

    monkeypatch.setattr(module, "find_spec", nothing)
    advice = advice_of(shelf, Dictionary())

    assert advice.consulted().advise(hypothesis(), NOON)[0].title == "Give it memory"
    assert ["--no-deps 'txtai" in gap.remedy for gap in advice.gaps()] == [True]


def test_vectors_that_cannot_be_used_are_a_gap(shelf: Shelf) -> None:
    need("txtai", "txtai, see .ci/models")
    (shelf.folder / "library-vectors.db").write_bytes(b"noise " * 1000)
    advice = advice_of(shelf, Dictionary())

    assert advice.consulted().advise(hypothesis(), NOON)[0].title == "Give it memory"
    assert advice.consulted().advise(hypothesis(), NOON)[0].title == "Give it memory"
    assert ["library-vectors.db: cannot be used" in gap.why for gap in advice.gaps()] == [True]


def test_a_library_that_is_damaged_costs_no_diagnosis(shelf: Shelf) -> None:
    library_file(str(shelf.folder.parent)).write_bytes(b"noise " * 1000)

    assert advice_of(shelf, None, "").consulted().advise(hypothesis(), NOON) == ()


def test_a_library_that_is_closed_meanwhile_costs_no_report(shelf: Shelf) -> None:
    consulted = advice_of(shelf, None, "").consulted()
    before = (consulted.advise(hypothesis(), NOON), consulted.fences("/books/m.md"))

    shelf.close()

    assert [len(one) for one in before] == [1, 1]
    assert (consulted.advise(hypothesis(), NOON), consulted.fences("/books/m.md")) == ((), ())


def test_what_plugins_and_a_service_bring_is_known_beside(shelf: Shelf) -> None:
    need("txtai", "txtai, see .ci/models")
    beside = Library()
    beside.keep([read_document(MEMORY.replace(b"Give it memory", b"Sent to the service"), "/sent/m.md").document])
    shelf.beside += [lambda: beside, lambda: None]
    advice = advice_of(shelf, Dictionary())

    found = advice.consulted().advise(hypothesis(), NOON)

    assert {one.title for one in found} == {"Give it memory", "Sent to the service"}
    assert [meaning.library for meaning in advice.meanings()] == [shelf.library(), beside]
    assert advice.consulted().fences("/sent/m.md")
    advice.close()
