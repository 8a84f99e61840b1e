"""Searches the runbooks that were uploaded: each replica keeps an index of them beside its other state."""

from __future__ import annotations

import re
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import msgspec

from sre_orchestrator.api.service.models import RunbookPage, RunbookQuery, RunbookView
from sre_orchestrator.api.service.ports import KeptRunbooks
from sre_orchestrator.core.errors import InputError

if TYPE_CHECKING:
    from sre_orchestrator.plugins.knowledge.library import Library

ADDRESS = "/api/v1/runbooks/"
EXCERPT = 300


class SearchedRunbooks:
    """Runbooks of a store, found by names and words, best first (``api.service.ports.Runbooks``).

    The index in ``file`` (``None``: in memory) is opened at the first search, and brought up to date by digests at each: others may have
    kept runbooks meanwhile. One that is damaged is made again.
    """

    def __init__(self, kept: KeptRunbooks, file: Path | None) -> None:
        self._kept = kept
        self._file = file
        self._lock = Lock()
        self._library: Library | None = None

    def keep(self, runbook: RunbookView, *, most: int) -> tuple[RunbookView, bool]:
        """Keep a runbook."""
        return self._kept.keep(runbook, most=most)

    def get(self, runbook_id: str) -> RunbookView | None:
        """Return a runbook."""
        return self._kept.get(runbook_id)

    def remove(self, runbook_id: str) -> bool:
        """Remove a runbook; return whether there was one."""
        return self._kept.remove(runbook_id)

    def list(self, query: RunbookQuery) -> RunbookPage:
        """Return a page of runbooks by name; with ``text`` those that fit it, best first, on one page."""
        if not query.text.split():
            return self._kept.list(query)
        found = self.library().search(query.text, query.limit, namespaces=query.namespaces or None)
        excerpts = {one.address.removeprefix(ADDRESS).partition(":")[0]: one.text for one in found}
        known = {one.id: one for one in self._kept.those(excerpts)}
        return RunbookPage(
            items=tuple(
                msgspec.structs.replace(known[one], excerpt=_excerpt(text, query.text))
                for one, text in excerpts.items()
                if one in known
            )
        )

    def library(self) -> Library:
        """Return the library of what is kept now; its addresses are those of the REST API.

        Raises:
            LibraryError: it cannot be written.

        """
        from sre_orchestrator.plugins.knowledge.library import Library  # noqa: PLC0415 - a start need not wait for it
        from sre_orchestrator.plugins.knowledge.tables import DamagedError, throw_away  # noqa: PLC0415

        with self._lock:
            try:
                self._library = self._library or Library(self._file)
                self._follow(self._library)
            except DamagedError:
                self._closed()
                if self._file:
                    throw_away(self._file)
                self._library = Library(self._file)
                self._follow(self._library)
            return self._library

    def close(self) -> None:
        """Close the index if it is open."""
        with self._lock:
            self._closed()

    def _closed(self) -> None:
        if self._library is not None:
            self._library.close()
        self._library = None

    def _follow(self, library: Library) -> None:
        """Read what has changed, and forget what is gone."""
        from sre_orchestrator.plugins.knowledge.formats import MEDIA_TYPES, read_document  # noqa: PLC0415

        digests = self._kept.digests()
        known = {address.removeprefix(ADDRESS): digest for address, digest in library.digests().items()}
        gone = known.keys() - digests.keys()
        if gone:
            library.remove([f"{ADDRESS}{one}" for one in sorted(gone)])
        for one in sorted(one for one, digest in digests.items() if known.get(one) != digest):
            if kept := self._kept.get(one):
                address = f"{ADDRESS}{one}"
                try:
                    read = read_document(kept.text.encode(), address, format=MEDIA_TYPES[kept.media_type])
                except InputError:  # kept before it was read: what nothing can be made of is not found
                    continue
                named = msgspec.structs.replace(read.document, title=kept.title)
                library.keep([msgspec.structs.replace(named, digest=kept.digest)], namespace=kept.namespace)


def _excerpt(text: str, asked: str) -> str:
    """Return the lines from the first that holds a word of ``asked`` on, as one; where none does, the first lines."""
    from sre_orchestrator.plugins.knowledge.keywords import query_words  # noqa: PLC0415 - a start need not wait for it

    found = re.search("|".join(map(re.escape, query_words(asked))) or r"\A", text, re.IGNORECASE)
    begin = text.rfind("\n", 0, found.start()) + 1 if found else 0
    return " ".join(text[begin : begin + 2 * EXCERPT].split())[:EXCERPT]
