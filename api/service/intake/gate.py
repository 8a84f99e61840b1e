"""Takes notices in: many requests share a transaction, what waits is bounded, and all of it is counted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import anyio
import anyio.to_thread
import msgspec

from sre_orchestrator.api.service.intake import words
from sre_orchestrator.api.service.models import Arrival, Reported
from sre_orchestrator.api.service.ports import Accepted
from sre_orchestrator.api.service.security.callers import current, permitted
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.core.boundary import Failure, Success, guarded
from sre_orchestrator.core.errors import SreError
from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.notices import Notice

MOST_WAITING = 20_000
PORTION = 500  # arrivals in one transaction: others want to write, too
STORM_SECONDS = 600  # how long a storm is one incident
MOST_NAMED = 100
Kept = Sequence[Accepted | None]


class Overloaded(SreError):  # noqa: N818 - it is what happened
    """Too much waits to be stored, or nothing can be: send it again."""


class Taken(Struct, frozen=True, kw_only=True):
    """What became of alerts: ``received`` is the sum of the four below it; ``incidents`` names the first of them.

    ``opened`` made an incident each, ``folded`` were counted into one that is open, ``resolved`` closed one; nothing
    is to be done for those ``ignored``, such as what is over and was not known. ``refused`` is what the sender was
    asked to send again.
    """

    received: int = 0
    opened: int = 0
    folded: int = 0
    resolved: int = 0
    ignored: int = 0
    refused: int = 0
    incidents: tuple[str, ...] = ()


@dataclass
class Waiting:
    """What is stored together."""

    arrivals: list[Arrival] = field(default_factory=list)
    outcome: Success[list[Accepted | None]] | Failure | None = None


class Intake:
    """Takes notices in; ``totals`` counts, by format, what this process was sent since it began."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = anyio.Lock()
        self._waiting = Waiting()
        self._pending = 0
        self.totals: dict[str, Taken] = {}

    async def take(self, source: str, notices: Sequence[Notice]) -> Taken:
        """Keep notices; when this returns, they are on disk.

        Raises:
            Overloaded: they are not; the sender should try again.
            Forbidden: one is from a namespace that the sender may not see; none is kept.

        """
        now = self._service.now()
        arrivals = [permitted(arrival(source, one, now), current()) for one in notices]
        try:
            kept = await self._kept(arrivals)
        except Overloaded:
            self._count(source, Taken(refused=sum(one.count for one in arrivals)))
            raise
        taken = _summed(arrivals, kept)
        self._count(source, taken)
        for one in kept:
            if one and not one.folded:
                self._service.dispatcher.wake(one.record.id)
        return taken

    async def _kept(self, arrivals: Sequence[Arrival]) -> Kept:
        if self._pending and self._pending + len(arrivals) > MOST_WAITING:
            raise Overloaded(f"{self._pending} alerts wait to be stored; send these again later")
        self._pending += len(arrivals)
        try:
            return await self._stored(arrivals)
        finally:
            self._pending -= len(arrivals)

    async def _stored(self, arrivals: Sequence[Arrival]) -> Kept:
        """Store what waits together: whoever is first stores it for the others, while the next gather."""
        together = self._waiting
        begin = len(together.arrivals)
        together.arrivals += arrivals
        with anyio.CancelScope(shield=True):  # others depend on it
            async with self._lock:
                if together.outcome is None:
                    self._waiting = Waiting()
                    together.outcome = await anyio.to_thread.run_sync(guarded, lambda: self._store(together.arrivals))
        if not isinstance(together.outcome, Success):
            why = together.outcome.why if together.outcome else "the service ends"
            raise Overloaded(f"the alerts could not be stored ({why}); send them again")
        return together.outcome.value[begin : begin + len(arrivals)]

    def _store(self, arrivals: Sequence[Arrival]) -> list[Accepted | None]:
        most_new = self._service.installation.settings.service.new_alert_incidents
        now = self._service.now()
        different, places = _together(arrivals)
        found = [
            one
            for begin in range(0, len(different), PORTION)
            for one in self._service.store.take(different[begin : begin + PORTION], now, most_new=most_new)
        ]
        return [_repeated(found[place]) if again else found[place] for place, again in places]

    def _count(self, source: str, taken: Taken) -> None:
        self.totals[source] = _plus(self.totals.get(source, Taken()), taken)


def arrival(source: str, notice: Notice, now: datetime) -> Arrival:
    """Return a notice as something the store keeps; ``source`` is the name of its format.

    The investigation looks at the time it runs, not at when the alert began: that is one of the labels.
    """
    begun = {"alert_began": notice.at.isoformat()} if notice.at else {}
    return Arrival(
        reported=Reported(
            description=words.description(notice.description),
            namespace=words.namespaces(notice.namespace.split(",")),
            labels=words.labels(notice.labels) | begun,
        ),
        origin="event" if source == "cloudevents" else "alert",
        reporter=source,
        fingerprint=_named(source, notice.fingerprint),
        idempotency_key=_named(source, notice.key) if notice.key else "",
        count=max(1, notice.count),
        over=not notice.firing,
        crowd=f"storm {int(now.timestamp()) // STORM_SECONDS}",
    )


def _together(arrivals: Sequence[Arrival]) -> tuple[list[Arrival], list[tuple[int, bool]]]:
    """Return arrivals with those that say the same as an earlier one counted into it, and where each of them is."""
    different: list[Arrival] = []
    places: list[tuple[int, bool]] = []
    firing: dict[str, int] = {}
    for one in arrivals:
        place = None if one.over or one.idempotency_key else firing.get(one.fingerprint)
        places.append((len(different) if place is None else place, place is not None))
        if place is not None:
            first = different[place]
            different[place] = msgspec.structs.replace(first, count=first.count + one.count)
            continue
        different.append(one)
        if one.over:
            firing.pop(one.fingerprint, None)
        elif not one.idempotency_key:
            firing[one.fingerprint] = len(different) - 1
    return different, places


def _repeated(found: Accepted | None) -> Accepted | None:
    return found and msgspec.structs.replace(found, folded=True)


def _named(source: str, text: str) -> str:
    return f"{source} {hashlib.blake2b(text.encode('utf-8', 'replace'), digest_size=16).hexdigest()}"


def _summed(arrivals: Sequence[Arrival], kept: Kept) -> Taken:
    opened = folded = resolved = ignored = 0
    for one, found in zip(arrivals, kept, strict=True):
        if found is None:
            ignored += one.count
        elif one.over:
            resolved += one.count
        else:
            opened += not found.folded
            folded += one.count - (not found.folded)
    return Taken(
        received=sum(one.count for one in arrivals),
        opened=opened,
        folded=folded,
        resolved=resolved,
        ignored=ignored,
        incidents=tuple(dict.fromkeys(_ids(kept)))[:MOST_NAMED],
    )


def _ids(kept: Kept) -> Iterator[str]:
    return (one.record.id for one in kept if one)


def _plus(one: Taken, other: Taken) -> Taken:
    numbers = (name for name in Taken.__struct_fields__ if name != "incidents")
    return msgspec.convert({name: getattr(one, name) + getattr(other, name) for name in numbers}, Taken)
