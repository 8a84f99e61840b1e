"""One database of the settings as a source: asked when somebody looks, by the door of its family, opened when needed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from importlib import import_module
from threading import Lock
from typing import cast

from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.core.settings import DatabaseAccess
from sre_orchestrator.plugins.sources.database_reading import DatabaseReading, Outcome
from sre_orchestrator.plugins.sources.databases.address import Address, address_of, component_of
from sre_orchestrator.plugins.sources.databases.asking import Clock, Findings, RefusedError, gap
from sre_orchestrator.plugins.sources.ports import Found

Door = Callable[[str, Address, Clock, str], Findings]
DOORS = {"postgres": "postgres", "mysql": "mysql", "redis": "redis_server", "rabbitmq": "rabbitmq"}
FRESH_SECONDS = 10.0
INSTALL = "pip install 'sre-orchestrator[databases]'"
REMEDIES: dict[Outcome, str] = {
    "credentials": "correct user and password, in the file that it names too",
    "forbidden": "give the account the rights that docs/how-to/diagnose-databases.md lists",
    "database-missing": "name an existing database at the end of the address",
    "unresolved": "name a host that is known where this runs; outside the cluster forward the port",
    "timeout": "see whether it answers at all, and whether a network policy lets this in",
    "tls": "set ca_file to the authority's certificate (PEM), or use the address by which it is certified",
    "protocol": "see whether host, port and scheme of the address belong together",
}


class Database:
    """A database that settings name."""

    def __init__(self, access: DatabaseAccess) -> None:
        self.name = f"database {access.name}"
        self.component = component_of(access)
        self._access = access
        self._seen: DatabaseReading | None = None
        self._seen_at = 0.0
        self._lock = Lock()

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield nothing: the cluster knows the component."""
        nothing: tuple[Gap, ...] = ()
        for one in nothing:
            yield one

    async def describe(self) -> Found:
        """Return whether it can be asked, and what it does not tell."""
        reading = self.look()
        address = f"{reading.host}:{reading.port}" if reading.host else ""
        problem = next((f"{one.what}: {one.why}" for one in reading.gaps), "")
        remedy = next((one.remedy for one in reading.gaps), "")
        if not problem and not self.component:
            problem = "no component of the cluster is known to be this database"
            remedy = f"set component of databases {self._access.name}, such as statefulset/shop/db"
        version = f"{reading.family} {reading.version}".strip()
        how = f"databases {self._access.name}"
        return Found(name=self.name, address=address, how=how, version=version, problem=problem, remedy=remedy)

    def look(self) -> DatabaseReading:
        """Return how the server is, as of now or of a moment ago: agents that are asked again see the same."""
        with self._lock:
            if self._seen is None or time.monotonic() - self._seen_at > FRESH_SECONDS:
                self._seen = self._look()
                self._seen_at = time.monotonic()
            return self._seen

    def _look(self) -> DatabaseReading:
        """Connect, read, and let go."""
        access, begun = self._access, time.monotonic()
        try:
            address = address_of(access)
        except SourceMissing as missing:
            return self._blind("", str(missing), "correct it in the settings")
        try:
            door = cast("Door", import_module(f"{__package__}.{DOORS[address.family]}").read)
        except ImportError as error:
            return self._blind(address.family, f"its client is not installed ({error.name})", INSTALL)
        try:
            findings = door(access.name, address, Clock(access.timeout_seconds), access.ca_file)
        except RefusedError as refused:
            return self._refused(address, refused, time.monotonic() - begun)
        return DatabaseReading(
            name=access.name,
            family=address.family,
            host=address.host,
            port=address.port,
            component=self.component,
            outcome="accepted",
            account=address.user,
            seconds=time.monotonic() - begun,
            version=findings.version,
            connections=findings.connections,
            mode=findings.mode,
            replication=tuple(findings.replication),
            blocking=tuple(findings.blocking),
            sessions=tuple(findings.sessions),
            deadlocks=findings.deadlocks,
            deadlock_at=findings.deadlock_at,
            space=tuple(findings.space),
            statements=tuple(findings.statements),
            memory=findings.memory,
            queues=tuple(findings.queues),
            blocked_publishers=findings.blocked_publishers,
            read=frozenset(findings.read),
            gaps=tuple(findings.gaps),
        )

    def _blind(self, family: str, why: str, remedy: str) -> DatabaseReading:
        return DatabaseReading(
            name=self._access.name,
            family=family,
            component=self.component,
            outcome="unknown",
            gaps=(gap(self._access.name, "everything", why, remedy),),
        )

    def _refused(self, address: Address, refused: RefusedError, seconds: float) -> DatabaseReading:
        remedy = REMEDIES.get(refused.outcome, "see its own log and pods")
        why = f"no connection ({refused.outcome}): {refused}"
        return DatabaseReading(
            name=self._access.name,
            family=address.family,
            host=address.host,
            port=address.port,
            component=self.component,
            outcome=refused.outcome,
            words=str(refused),
            account=address.user,
            seconds=seconds,
            gaps=(gap(self._access.name, "what it would tell", why, remedy),),
        )
