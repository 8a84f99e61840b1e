"""The store as the caller of a request may see it: what is outside of their namespaces is not there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from sre_orchestrator.api.service.models import (
    Arrival,
    Feedback,
    Happened,
    IncidentRecord,
    IncidentView,
    Page,
    Query,
    Said,
    StoredView,
)
from sre_orchestrator.api.service.ports import Accepted, Store, StoreState
from sre_orchestrator.api.service.security.callers import Forbidden, current, permitted, sees
from sre_orchestrator.api.service.security.cutting import cut
from sre_orchestrator.api.service.security.shelves import ScopedRunbooks
from sre_orchestrator.core.pipeline import Bundle


class ScopedStore:
    """A store for requests (``api.service.ports.Store``); who calls is looked up at each call."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.runbooks = ScopedRunbooks(store.runbooks)

    def accept(self, arrival: Arrival, now: datetime) -> Accepted:
        """Keep an arrival under the caller's name, where they may report it."""
        return self._store.accept(permitted(arrival, current()), now)

    def take(self, arrivals: Sequence[Arrival], now: datetime, *, most_new: int) -> Sequence[Accepted | None]:
        """Keep what alerts say, where the caller may report it."""
        return self._store.take([permitted(one, current()) for one in arrivals], now, most_new=most_new)

    def get(self, incident_id: str) -> IncidentView | None:
        """Return an incident that the caller may see."""
        view = self._store.get(incident_id)
        return view if view and sees(current(), view.reported.namespace) else None

    def read(self, incident_id: str) -> StoredView | None:
        """Return an incident that the caller may see."""
        view = self._store.read(incident_id)
        return view if view and sees(current(), view.reported.namespace) else None

    def list(self, query: Query) -> Page:
        """Return a page of the incidents that the caller may see."""
        return self._store.list(msgspec.structs.replace(query, namespaces=current().namespaces))

    def bundle(self, incident_id: str) -> bytes | None:
        """Return the investigation of an incident that the caller may see, without what is not theirs."""
        kept = self._store.bundle(incident_id) if self.read(incident_id) else None
        return kept and cut(kept, current())

    def happened(self, incident_id: str, after: int = 0) -> Sequence[Happened]:
        """Return the steps of an incident that the caller may see."""
        return self._store.happened(incident_id, after) if self.read(incident_id) else ()

    def feedback(self, incident_id: str, feedback: Feedback, caller: str, now: datetime) -> None:
        """Keep what the caller says."""
        self._store.feedback(self._seen(incident_id), feedback, caller or current().name, now)

    def said(
        self, incident_id: str = "", *, after: int = 0, limit: int = 200, namespaces: Sequence[str] = ()
    ) -> Sequence[Said]:
        """Return what was said of incidents that the caller may see."""
        del namespaces
        return self._store.said(incident_id, after=after, limit=limit, namespaces=current().namespaces)

    def last_words(self, cause: str, *, limit: int, namespaces: Sequence[str] = ()) -> Sequence[Said]:
        """Return what was said of incidents that the caller may see."""
        del namespaces
        return self._store.last_words(cause, limit=limit, namespaces=current().namespaces)

    def resolve(self, incident_id: str, now: datetime) -> None:
        """Note that an incident that the caller may see is over."""
        self._store.resolve(self._seen(incident_id), now)

    def note(self, incident_id: str, what: Happened) -> None:
        """Keep a step of an incident that the caller may see."""
        self._store.note(self._seen(incident_id), what)

    def claim(self, now: datetime, incident_id: str = "") -> IncidentRecord | None:
        """Refuse: investigating is nobody's request."""
        del now, incident_id
        raise _internal()

    def finish(self, incident_id: str, bundle: Bundle, now: datetime) -> IncidentRecord:
        """Refuse: investigating is nobody's request."""
        del incident_id, bundle, now
        raise _internal()

    def keep(self, arrival: Arrival, bundle: Bundle, now: datetime) -> IncidentRecord:
        """Refuse: investigating is nobody's request."""
        del arrival, bundle, now
        raise _internal()

    def kept_as(self, idempotency_key: str) -> str:
        """Refuse: keys are those of whoever reported."""
        del idempotency_key
        raise _internal()

    def fail(self, incident_id: str, error: str, now: datetime, *, retry: bool) -> IncidentRecord:
        """Refuse: investigating is nobody's request."""
        del incident_id, error, now, retry
        raise _internal()

    def requeue_running(self, now: datetime) -> int:
        """Refuse: investigating is nobody's request."""
        del now
        raise _internal()

    def state(self) -> StoreState:
        """Refuse: how much waits for others is nobody's business."""
        raise _internal()

    def prune(self, before: datetime) -> int:
        """Refuse: retention is nobody's request."""
        del before
        raise _internal()

    def _seen(self, incident_id: str) -> str:
        if self.read(incident_id) is None:
            raise Forbidden(f"there is no incident {incident_id[:40]!r}")
        return incident_id


def _internal() -> Forbidden:
    return Forbidden("this is the work of the service itself; no request does it")
