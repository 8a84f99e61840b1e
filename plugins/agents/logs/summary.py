"""Adds up the sightings in one container's log into facts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.identity import name_of
from sre_orchestrator.core.models import Fact, Scope, Struct
from sre_orchestrator.plugins.agents.logs.callees import Cast, identity
from sre_orchestrator.plugins.agents.logs.families import DATABASES, family_of, family_of_container
from sre_orchestrator.plugins.agents.logs.sightings import ANY_ERROR, MAX_SAMPLE, Reading, Sighting
from sre_orchestrator.plugins.agents.logs.table import Table
from sre_orchestrator.plugins.objects.addresses import Address
from sre_orchestrator.plugins.objects.pods import ContainerStatus, Pod
from sre_orchestrator.plugins.sources.ports import LogStream

MAX_GROUPS = 12
SETTLED = timedelta(minutes=10)
STARTING, STARTED_AGO = timedelta(minutes=2), timedelta(minutes=1)
QUIET_SHARE, QUIET_LINES = 0.5, 50


class Source(Struct, frozen=True, kw_only=True):
    """The container that a log is of, and whether the run that it tells of has ended."""

    stream: LogStream
    pod: Pod
    status: ContainerStatus | None = None

    @property
    def ended(self) -> bool:
        """Say whether the log tells of a run that is over."""
        return self.stream.previous or (self.status is not None and self.status.state.running is None)

    @property
    def settled(self) -> bool:
        """Say whether the container runs and is ready, so that what is long past does not matter."""
        return not self.ended and self.status is not None and self.status.ready

    @property
    def command(self) -> str:
        """Return the command that shows the log."""
        one = self.stream
        return f"kubectl logs {one.pod} -c {one.container} -n {one.namespace}{' --previous' if one.previous else ''}"


@dataclass(kw_only=True)
class Group:
    """Sightings of one class that name the same things."""

    first: Sighting
    meant: Meant
    seen: list[Sighting] = field(default_factory=list)

    @property
    def times(self) -> list[datetime]:
        """Return the known times in order."""
        return sorted(one.at for one in self.seen if one.at)

    @property
    def last_words(self) -> bool:
        """Say whether one of them is among the last lines."""
        return any(one.last_words for one in self.seen)


class Meant(Struct, frozen=True, kw_only=True):
    """Whom a line means: the host and port as written, the service that is there, the family of server.

    Of a relayed report nothing is taken: its names are those of another's callee.
    """

    host: str = ""
    port: int = 0
    family: str = ""
    service: str = ""
    named: bool = False
    relayed: bool = False


class Summary:
    """Turns the reading of one log into facts."""

    def __init__(self, source: Source, cast: Cast, table: Table, scope: Scope, observe: Observer) -> None:
        self._source = source
        self._cast = cast
        self._table = table
        self._scope = scope
        self._observe = observe
        self._workload = cast.workload(source.pod)
        self._lines: Sequence[str] = ()
        self._guessed: dict[str, str] = {}
        self._own = frozenset(map(family_of_container, source.pod.spec.containers)) - {""}

    def facts(self, reading: Reading, lines: Sequence[str]) -> Iterator[Fact]:
        """Yield a fact for each group that matters, and the failing calls among them."""
        self._lines = lines
        groups = [one for one in self._groups(reading.sightings) if self._matters(one, reading)]
        groups.sort(key=lambda one: (not one.last_words, -len(one.seen), one.first.line))
        for group in groups[:MAX_GROUPS]:
            yield self._line(group)
            if self._is_call(group):
                yield self._call(group)

    def _groups(self, sightings: Sequence[Sighting]) -> list[Group]:
        groups: dict[tuple[object, ...], Group] = {}
        usual = Counter(one.family for one in sightings if one.family in DATABASES).most_common(1)
        for one in sightings:
            if one.at and not self._scope.since <= one.at <= self._scope.until + timedelta(minutes=1):
                continue
            meant = self._meant(one, usual[0][0] if usual else "")
            names = tuple(one.captures.get(name, "") for name in ("user", "name", "peer", "code"))
            key = (one.name, meant.service or meant.host, meant.port, meant.family, *names)
            groups.setdefault(key, Group(first=one, meant=meant)).seen.append(one)
        return list(groups.values())

    def _meant(self, one: Sighting, usual: str) -> Meant:
        """Return whom a line means; of a database that it does not name, the ``usual`` one of this log is taken."""
        if one.relayed:
            return Meant(relayed=True)
        namespace = self._source.stream.namespace
        host, port = one.captures.get("host", ""), _number(one.captures.get("port", ""))
        known = self._table.classes.get(one.name)
        said = one.family or (usual if known and known.database else "")
        if not self._calls(one.name, said):
            return Meant(host=host, port=port, family=said)
        if not host:
            address = self._mentioned(one.text, namespace)
            host, port = (address.host, address.port) if address else ("", port)
        service = self._cast.service(host, namespace) if host else ""
        family = (self._cast.family(service) if service else "") or said or family_of(port)
        open_question = not service and not any(map(str.isalpha, host)) and family in DATABASES - self._own
        guessed = self._guess(family) if open_question else ""
        return Meant(host=host, port=port, family=family, service=service or guessed, named=bool(service))

    def _mentioned(self, text: str, namespace: str) -> Address | None:
        """Return the address in a line, unless it is the container's own: a key or a path may look like it."""
        found = self._cast.address(text, namespace)
        service = self._cast.service(found.host, namespace) if found else ""
        return None if service and self._cast.backing(service) == self._workload else found

    def _calls(self, name: str, family: str) -> bool:
        """Say whether lines of a class are about a call; what a database refuses is, whatever it is."""
        known = self._table.classes.get(name)
        return known is not None and (known.call or (known.database and family in DATABASES))

    def _guess(self, family: str) -> str:
        if family not in self._guessed:
            self._guessed[family] = self._likely(family)
        return self._guessed[family]

    def _likely(self, family: str) -> str:
        """Return the service of the only server that can be meant, or of the only one that the log mentions."""
        near = self._cast.servers_for(self._workload, self._source.stream.namespace, family)
        if len(near) > 1:
            near = tuple(one for one in near if any(map(self._mentions, one.services)))
        return near[0].services[0] if len(near) == 1 else ""

    def _mentions(self, service: str) -> bool:
        address = re.compile(rf"(?<![\w.-]){re.escape(name_of(service))}(?:\.[\w.-]+)?:\d{{2,5}}\b")
        return any(address.search(line) for line in self._lines)

    def _matters(self, group: Group, reading: Reading) -> bool:
        """Say whether a group still matters: what a ready container got over is history."""
        if group.first.name == ANY_ERROR and not (self._source.ended and group.last_words):
            return False
        if not self._source.settled:
            return True
        times, newest = group.times, reading.newest
        if not times or newest is None:
            after = reading.lines - max(one.line for one in group.seen)
            return after < max(QUIET_LINES, QUIET_SHARE * reading.lines)
        quiet = newest - times[-1]
        return quiet <= (STARTED_AGO if self._while_starting(times[-1]) else SETTLED)

    def _while_starting(self, at: datetime) -> bool:
        status = self._source.status
        running = status.state.running if status else None
        return bool(running and running.started_at and at - running.started_at <= STARTING)

    def _line(self, group: Group) -> Fact:
        times, captures = group.times, group.first.captures
        meant = group.meant
        return self._observe(
            "log.line",
            identity(self._source.pod),
            query=self._source.command,
            at=times[0] if times else self._ended_at(group),
            **{"class": group.first.name},
            container=self._source.stream.container,
            workload=self._workload,
            node=f"node/{self._source.pod.spec.node_name}" if self._source.pod.spec.node_name else None,
            count=len(group.seen),
            first_at=_text(times[0]) if times else None,
            last_at=_text(times[-1]) if times else None,
            previous=self._source.stream.previous,
            last_words=group.last_words and self._source.ended,
            host=meant.host or None,
            port=meant.port or None,
            code=_number(captures.get("code", "")) or None,
            user=captures.get("user"),
            name=captures.get("name"),
            peer=self._cast.peer(captures.get("peer", "")) or None,
            family=meant.family or None,
            server=self._serves(meant),
            service=meant.service or None,
            named=meant.named if meant.service else None,
            relayed=meant.relayed,
            callee=self._cast.backing(meant.service) or None,
            sample=sample_of(group.seen[-1].text),
        )

    def _is_call(self, group: Group) -> bool:
        family = group.meant.family or group.first.family
        return self._calls(group.first.name, family) and not self._serves(group.meant)

    def _serves(self, meant: Meant) -> bool:
        return meant.family in self._own

    def _call(self, group: Group) -> Fact:
        times = group.times
        return self._observe(
            "log.failing_calls",
            identity(self._source.pod),
            query=self._source.command,
            at=times[0] if times else self._ended_at(group),
            **{"class": group.first.name},
            container=self._source.stream.container,
            workload=self._workload,
            callee=group.meant.service or group.meant.host or None,
            count=len(group.seen),
            sample=sample_of(group.seen[-1].text),
        )

    def _ended_at(self, group: Group) -> datetime | None:
        status = self._source.status
        if not group.last_words or status is None:
            return None
        ended = status.last_state.terminated or status.state.terminated
        return ended.finished_at if ended else None


def sample_of(text: str) -> str:
    """Return the first piece of a record, cut to a readable length."""
    piece = " ".join(text.partition("\n")[0].split())
    return piece if len(piece) <= MAX_SAMPLE else f"{piece[:MAX_SAMPLE]}…"


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _number(text: str) -> int:
    return int(text) if text.isdigit() and len(text) < 6 else 0  # noqa: PLR2004 - a port or a status
