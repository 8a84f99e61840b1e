"""Runbooks that name what was seen, or mean the same as a hypothesis; nothing where nothing fits well."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

import pytest
from reports import hypothesis

from sre_orchestrator.core.knowledge import LibraryError
from sre_orchestrator.core.models import Runbook
from sre_orchestrator.core.ports import Around
from sre_orchestrator.plugins.knowledge.advising import SHOWN, Adviser
from sre_orchestrator.plugins.knowledge.formats import read_document
from sre_orchestrator.plugins.knowledge.index import Hit
from sre_orchestrator.plugins.knowledge.library import Library

NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)
BOOKS = {
    "KubePodCrashLooping.md": "# KubePodCrashLooping\n\n## Meaning\n\nA container ends again and again.\n",
    "memory.md": "---\ncauses: [memory-limit-too-low]\nreviewed: 2029-01-01\n---\n# Give it memory\n\nRaise the limit of memory.\n",
    "cart.md": "---\nservice: cart\n---\n# The cart of the shop\n\n## Holidays\n\nNobody works.\n\n## Memory\n\n"
    "A container of it needs more memory than its limit allows after a sale: app was OOMKilled.\n",
    "redis.md": "# Redis\n\nWhere a container needs more memory than its limit allows, evict keys.\n",
    "certificates.md": "# Certificates\n\nRenew them.\n",
}


def library_of(books: dict[str, str], *, namespace: str = "") -> Library:
    made = Library()
    read = [read_document(text.encode(), f"/books/{name}").document for name, text in books.items()]
    made.keep(read, namespace=namespace)
    return made


def advised(*libraries: Library, **around: object) -> tuple[Runbook, ...]:
    seen = Around(at=NOON, **around)  # type: ignore[arg-type]
    return Adviser(lambda: libraries).advise(hypothesis(), seen)


class Meant:
    """A meaning that gives passages of the documents that are called so the score that it is told."""

    def __init__(self, library: Library, scores: dict[str, float]) -> None:
        self._scores = {one.id: scores[one.title] for one in library.passages() if one.title in scores}

    def search(self, text: str, limit: int, *, within: Collection[int] | None = None) -> tuple[Hit, ...]:
        """Return them, best first."""
        del text
        found = [Hit(id=one, score=score) for one, score in self._scores.items() if within is None or one in within]
        return tuple(sorted(found, key=lambda hit: -hit.score)[:limit])


def test_the_runbook_of_the_cause_is_first_then_that_of_an_alert() -> None:
    found = advised(library_of(BOOKS), alerts=("KubePodCrashLooping",))

    assert [one.address for one in found] == ["/books/memory.md:5", "/books/KubePodCrashLooping.md:3"]
    assert [one.by[0] for one in found] == ["cause", "alert"]


def test_a_runbook_says_where_the_passage_is_and_that_it_is_stale() -> None:
    (found, *_) = advised(library_of(BOOKS))

    assert (found.title, found.headings, found.passage) == ("Give it memory", (), "Raise the limit of memory.")
    assert found.stale


def test_what_was_reviewed_in_time_is_not_stale() -> None:
    adviser = Adviser(lambda: [library_of(BOOKS)], stale_days=1000)

    assert not adviser.advise(hypothesis(), Around(at=NOON))[0].stale


def test_an_alert_that_the_incident_names_is_one_that_fires() -> None:
    found = advised(library_of(BOOKS), description="KubePodCrashLooping: cart-1 restarts")

    assert "KubePodCrashLooping" in {one.title for one in found}


def test_of_a_component_the_passage_that_fits_is_shown() -> None:
    (found,) = advised(library_of({"cart.md": BOOKS["cart.md"]}), components=("cart",))

    assert (found.headings, found.by) == (("Memory",), ("component", "words"))


def test_an_image_is_named_by_a_title() -> None:
    (found,) = advised(library_of({"redis.md": BOOKS["redis.md"]}), images=("redis",))

    assert found.by == ("image", "words")


def test_a_runbook_of_the_component_about_something_else_is_not_shown() -> None:
    books = {"cart.md": "---\nservice: cart\n---\n# Cart\n\nHolidays: nobody works.\n"}

    assert advised(library_of(books), components=("cart",)) == ()


def test_words_alone_suggest_nothing() -> None:
    assert advised(library_of({"redis.md": BOOKS["redis.md"]})) == ()


@pytest.mark.parametrize(("score", "shown"), [(0.9, True), (0.7, True), (0.69, False), (0.1, False)])
def test_what_means_the_same_is_shown_and_what_is_only_near_is_not(score: float, *, shown: bool) -> None:
    library = library_of({"redis.md": BOOKS["redis.md"]})
    library.meaning = Meant(library, {"Redis": score})

    found = advised(library)

    assert [one.by for one in found] == ([("meaning",)] if shown else [])


@pytest.mark.parametrize(("score", "shown"), [(0.5, True), (0.4, False)])
def test_of_a_component_less_is_enough(score: float, *, shown: bool) -> None:
    library = library_of({"cart.md": BOOKS["cart.md"]})
    library.meaning = Meant(library, {"The cart of the shop": score})

    assert bool(advised(library, components=("cart",))) == shown


def test_one_document_is_shown_once_by_what_counts_most() -> None:
    library = library_of({"memory.md": BOOKS["memory.md"]})
    library.meaning = Meant(library, {"Give it memory": 0.9})

    (found,) = advised(library, components=("memory",), description="memory")

    assert found.by == ("cause", "meaning")


def test_only_those_of_the_incidents_namespaces_are_shown() -> None:
    mine, theirs = library_of(BOOKS, namespace="shop"), library_of(BOOKS, namespace="pay")

    assert advised(mine, theirs, namespaces=("shop",)) == advised(mine)
    assert advised(theirs, namespaces=("shop",)) == ()
    assert advised(theirs) != ()


def test_at_most_three_are_shown_and_long_passages_are_cut() -> None:
    books = {
        f"{name}.md": f"---\ncauses: [memory-limit-too-low]\n---\n# {name}\n\n{'word ' * 300}\n" for name in "abcde"
    }

    found = advised(library_of(books))

    assert [one.title for one in found] == ["a", "b", "c"]
    assert {len(one.passage) for one in found} == {SHOWN}


def test_a_library_that_cannot_be_used_costs_no_diagnosis() -> None:
    def broken() -> list[Library]:
        raise LibraryError("library.db: is damaged", "make it again")

    assert Adviser(broken).advise(hypothesis(), Around(at=NOON)) == ()
