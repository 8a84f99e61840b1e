"""One watch: the state at its start where it asks for that, then what changes."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from sre_orchestrator.api.wire.answers import bad_request, expired, happened, head, metadata_only, whole
from sre_orchestrator.api.wire.lists import test_of, too_new
from sre_orchestrator.api.wire.requests import Form, Path, Query
from sre_orchestrator.api.wire.resources import Json
from sre_orchestrator.api.wire.store import Change, ExpiredError, Store, Stored
from sre_orchestrator.api.wire.tables import table

DEFAULT_SECONDS = 1800.0
INITIAL_END = "k8s.io/initial-events-end"


class Watch:
    """What one client is sent; ``seconds`` is how long it wants to watch, ``over`` ends it early.

    Raises:
        Refusal: an option makes no sense.

    """

    def __init__(self, store: Store, place: Path, query: Query, form: Form) -> None:
        self.seconds = float(query.timeout_seconds or DEFAULT_SECONDS)
        self.over = False
        self._store = store
        self._place = place
        self._query = query
        self._form = form
        self._test = test_of(query)
        self._head = head(place.resource, place.version)
        asked = query.resource_version
        if asked and not asked.isdigit():
            raise bad_request(f"invalid resource version: {asked!r}")
        self._initial: list[Stored] | None = None
        if query.send_initial_events or asked in ("", "0"):
            self._since, self._initial = store.state(place.resource, place.namespace)
        else:
            self._since = int(asked)

    def news(self, seconds: float) -> Iterator[bytes]:
        """Yield the lines to send; wait ``seconds`` at most for the first."""
        if self._initial is not None:
            yield from self._begin(self._initial)
            self._initial = None
            return
        if self._since > self._store.version:
            yield from self._end(too_new(str(self._since), self._store).status)
            return
        self._store.wait(self._place.resource, self._since, seconds)
        try:
            changes = self._store.changes(self._place.resource, self._since)
        except ExpiredError as error:
            yield from self._end(expired(error).status)
            return
        for change in changes:
            self._since = change.version
            if line := self._line(change):
                yield line

    def bookmark(self, annotations: dict[str, str] | None = None) -> bytes:
        """Return a bookmark, or nothing for a client that does not ask for them."""
        if not self._query.allow_watch_bookmarks:
            return b""
        metadata: Json = {"resourceVersion": str(self._since), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        return happened("BOOKMARK", self._head[:-1] + b',"metadata":' + msgspec.json.encode(metadata) + b"}")

    def _begin(self, items: list[Stored]) -> Iterator[bytes]:
        """Yield the objects that exist, as added, then say that these were all."""
        for item in items:
            if self._test is None or self._test(item):
                yield happened("ADDED", self._shown(item))
        if self._query.send_initial_events:
            yield self.bookmark({INITIAL_END: "true"})

    def _end(self, status: Json) -> Iterator[bytes]:
        self.over = True
        yield happened("ERROR", msgspec.json.encode(status))

    def _line(self, change: Change) -> bytes:
        """Return the line of a change; an object that comes to match is added, one that ceases to is deleted."""
        was = change.before is not None and self._matches(change.before)
        now = not change.deleted and self._matches(change.after)
        if not was and not now:
            return b""
        kind = "MODIFIED" if was and now else "ADDED" if now else "DELETED"
        return happened(kind, self._shown(change.after))

    def _matches(self, item: Stored) -> bool:
        if self._place.namespace and item.key[0] != self._place.namespace:
            return False
        return self._test is None or self._test(item)

    def _shown(self, item: Stored) -> bytes:
        if self._form == "metadata":
            return metadata_only(item)
        if self._form == "table":
            now, include = self._store.clock(), self._query.include_object
            return msgspec.json.encode(table(self._place.resource, [item], {}, now=now, include=include))
        return whole(self._head, item)
