"""What the parts of the service ask of each other."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from sre_orchestrator.api.service.models import (
    Arrival,
    Feedback,
    Happened,
    IncidentRecord,
    IncidentView,
    Page,
    Query,
    Reported,
    RunbookPage,
    RunbookQuery,
    RunbookRecord,
    RunbookView,
    Said,
    StoredView,
)
from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.ports import Progress

Scope = Literal["read", "report", "admin"]


class Accepted(Struct, frozen=True, kw_only=True):
    """What became of an arrival; ``folded`` says that it was counted into an incident that was there already."""

    record: IncidentRecord
    folded: bool = False


class Caller(Struct, frozen=True, kw_only=True):
    """Who asks: a name for the audit log, what they may do, and the namespaces they may see (none: all)."""

    name: str
    scopes: frozenset[Scope]
    namespaces: tuple[str, ...] = ()


class KeyRecord(Struct, frozen=True, kw_only=True):
    """What is known of an API key; ``id`` is the part of it that is no secret. Times are UTC."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    namespaces: tuple[str, ...] = ()
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def valid(self, now: datetime) -> bool:
        """Say whether it may be used."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class Keys(Protocol):
    """Keeps API keys by what they are known by; synchronous, safe to call from several threads."""

    def add(self, record: KeyRecord, digest: bytes) -> None:
        """Keep a key; ``digest`` is that of its secret."""
        ...

    def find(self, key_id: str) -> tuple[KeyRecord, bytes] | None:
        """Return a key and its digest, whether it may be used or not."""
        ...

    def list(self) -> Sequence[KeyRecord]:
        """Return all keys, by name and then the oldest first."""
        ...

    def revoke(self, which: str, now: datetime) -> Sequence[KeyRecord]:
        """Revoke the key of that id, or every key of that name; return those that were not revoked before."""
        ...


class Runbooks(Protocol):
    """Keeps runbooks; synchronous, safe to call from several threads."""

    def keep(self, runbook: RunbookView, *, most: int) -> tuple[RunbookView, bool]:
        """Keep a runbook in the place of one of the same id, and return it, and whether there was none.

        One that says the same already stays as it is.

        Raises:
            InputError: ``most`` are kept already.

        """
        ...

    def get(self, runbook_id: str) -> RunbookView | None:
        """Return a runbook."""
        ...

    def list(self, query: RunbookQuery) -> RunbookPage:
        """Return a page of runbooks by name; with ``text`` those that fit it, best first, on one page.

        Raises:
            InputError: the cursor is none of ours.

        """
        ...

    def remove(self, runbook_id: str) -> bool:
        """Remove a runbook; return whether there was one."""
        ...


class KeptRunbooks(Runbooks, Protocol):
    """Keeps runbooks and lists them by name alone; an index of them searches."""

    def digests(self) -> Mapping[str, str]:
        """Return the ids of all runbooks with the digests of their texts."""
        ...

    def those(self, ids: Collection[str]) -> Sequence[RunbookRecord]:
        """Return the runbooks of these ids that there are, without their texts."""
        ...


class StoreState(Struct, frozen=True, kw_only=True):
    """How much waits: incidents by status, and since when the oldest waits; ``wrong`` says what is wrong with the tables."""

    queued: int = 0
    running: int = 0
    oldest_queued_at: datetime | None = None
    wrong: str = ""


class Store(Protocol):
    """Keeps incidents; what ``accept`` returned is on disk. Synchronous; safe to call from several threads."""

    @property
    def runbooks(self) -> Runbooks:
        """Return the runbooks beside them."""
        ...

    def accept(self, arrival: Arrival, now: datetime) -> Accepted:
        """Keep an arrival: a new incident, or one folded into an open incident of the same fingerprint or key."""
        ...

    def take(self, arrivals: Sequence[Arrival], now: datetime, *, most_new: int) -> Sequence[Accepted | None]:
        """Keep what alerts say, all at once and in order; ``None`` where one that is over has no open incident.

        When alerts opened ``most_new`` incidents within a minute, the others are folded by their ``crowd``.
        """
        ...

    def get(self, incident_id: str) -> IncidentView | None:
        """Return an incident with its report."""
        ...

    def read(self, incident_id: str) -> StoredView | None:
        """Return an incident with its report as it is stored; its JSON is that of ``get``."""
        ...

    def list(self, query: Query) -> Page:
        """Return a page of incidents.

        Raises:
            InputError: the cursor is none of ours.

        """
        ...

    def claim(self, now: datetime, incident_id: str = "") -> IncidentRecord | None:
        """Return the oldest queued incident (or that one), now ``running``, or ``None``; nobody else gets it."""
        ...

    def finish(self, incident_id: str, bundle: Bundle, now: datetime) -> IncidentRecord:
        """Keep the report and the investigation, once: an incident that is done stays as it is.

        One that an alert opened is merged into the oldest open incident of the same cause, component and cluster.
        What is to be told to others is kept with it.
        """
        ...

    def keep(self, arrival: Arrival, bundle: Bundle, now: datetime) -> IncidentRecord:
        """Keep what was investigated before it was reported, under the ``idempotency_key`` of the arrival.

        Again with another report, that one takes the place of the first; with the same, nothing changes, whatever is
        remembered of past incidents beside it.
        """
        ...

    def kept_as(self, idempotency_key: str) -> str:
        """Return the id of the incident of that key, or ``""``."""
        ...

    def fail(self, incident_id: str, error: str, now: datetime, *, retry: bool) -> IncidentRecord:
        """Note that an investigation failed: ``queued`` again when it may be retried, else ``failed``."""
        ...

    def requeue_running(self, now: datetime) -> int:
        """Put back what was running when the process died; return how many."""
        ...

    def resolve(self, incident_id: str, now: datetime) -> None:
        """Note that whoever reported it says that it is over."""
        ...

    def bundle(self, incident_id: str) -> bytes | None:
        """Return the investigation as a bundle file, or ``None``."""
        ...

    def note(self, incident_id: str, what: Happened) -> None:
        """Keep a step of an investigation."""
        ...

    def happened(self, incident_id: str, after: int = 0) -> Sequence[Happened]:
        """Return the steps after number ``after``."""
        ...

    def feedback(self, incident_id: str, feedback: Feedback, caller: str, now: datetime) -> None:
        """Keep what a person says of a hypothesis."""
        ...

    def said(
        self, incident_id: str = "", *, after: int = 0, limit: int = 200, namespaces: Sequence[str] = ()
    ) -> Sequence[Said]:
        """Return what was said of an incident, or of all, after number ``after``; in order, ``limit`` at most.

        ``namespaces`` is enforced, not asked for.
        """
        ...

    def last_words(self, cause: str, *, limit: int, namespaces: Sequence[str] = ()) -> Sequence[Said]:
        """Return the last that was said of each hypothesis of ``cause``, the newest first.

        ``namespaces`` is enforced, not asked for.
        """
        ...

    def state(self) -> StoreState:
        """Return how much waits; cheap, however much is kept."""
        ...

    def prune(self, before: datetime) -> int:
        """Remove the finished incidents that were last touched before ``before``; return how many."""
        ...


class Backlog(Protocol):
    """What one queue has left to investigate; synchronous, safe to call from several threads."""

    def unfinished(self) -> Sequence[str]:
        """Return the ids of incidents that are queued or running, oldest first."""
        ...

    def take_up(self, incident_id: str, now: datetime) -> IncidentRecord | None:
        """Return that incident, now ``running``, or ``None`` when it is over.

        One that is ``running`` already is taken from a worker that died: whoever asks must know that nobody else works
        on it.
        """
        ...


class SharedStore(Store, Protocol):
    """A store that several replicas use."""

    @property
    def backlog(self) -> Backlog:
        """Return what is left to investigate."""
        ...


class Investigator(Protocol):
    """Diagnoses: the live cluster, or a recorded one."""

    async def investigate(self, incident_id: str, reported: Reported, progress: Progress) -> Bundle:
        """Return the investigation of a report.

        Raises:
            SreError: it cannot be investigated; the message says why and what to do.

        """
        ...


class Dispatcher(Protocol):
    """Sees that what was accepted is investigated."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Take up what was left and work while the context lasts; then finish what runs, within the grace period."""
        ...

    def wake(self, incident_id: str) -> None:
        """Say that there is something to do; called in the event loop."""
        ...


@runtime_checkable
class Living(Protocol):
    """Knows whether it works."""

    def trouble(self) -> str:
        """Return why it does not work, or nothing; does not block."""
        ...


class Delivery(Struct, frozen=True, kw_only=True):
    """Something to tell a target of an incident; ``id`` stays the same however often it is sent."""

    id: str
    incident: str
    target: str
    created_at: datetime
    attempts: int


class Outbox(Protocol):
    """Keeps what is to be told to others until it is told; synchronous, safe to call from several threads."""

    def due(self, target: str, now: datetime, until: datetime) -> Delivery | None:
        """Return a delivery to ``target`` that is due, or ``None``; nobody else gets it before ``until``."""
        ...

    def told(self, delivery_id: str) -> None:
        """Note that it arrived."""
        ...

    def untold(self, delivery_id: str, error: str, again: datetime | None) -> None:
        """Note that it did not arrive and is due ``again``, or never."""
        ...


class Background(Protocol):
    """Works beside the requests while the service runs."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Work while the context lasts."""
        ...


class Notifier(Protocol):
    """Tells others of finished incidents; never raises, never blocks an investigation."""

    def finished(self, record: IncidentRecord, bundle: Bundle) -> None:
        """Note that a report is there: told once, and again only when the verdict or first cause changes."""
        ...
