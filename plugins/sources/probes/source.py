"""The source of active checks: few, slow and harmless connections to what the cluster declares."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.core.settings import ProbeLimits
from sre_orchestrator.plugins.objects.config import Namespace
from sre_orchestrator.plugins.objects.network import Endpoints, EndpointSlice, Ingress, NetworkPolicy, Service
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.sources.ports import ClusterObjects, Found, HttpProbe, Probes, TcpProbe, TlsProbe
from sre_orchestrator.plugins.sources.probes.behind import Known, Place
from sre_orchestrator.plugins.sources.probes.dial import Request, answer_of, certificate_of, connect, forbidden
from sre_orchestrator.plugins.sources.probes.names import Names, UnresolvedError
from sre_orchestrator.plugins.sources.probes.targets import Target, targets_of

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
WORKERS = 16
ADDRESSES = 2
LOOK_SECONDS = 8.0
FRESH_SECONDS = 60.0
SILENT = ("timed out", "no route to host", "unreachable")
OFF = Gap(
    agent="connectivity",
    what="connections to services and ingresses",
    why="this runs in no pod of the cluster, so that what it could reach says nothing",
    remedy="install the chart, or set probes.enabled to true where services are reachable, to false to leave them out",
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one target answered; ``unseen`` when silence is what a policy makes of it."""

    tcp: TcpProbe | None = None
    tls: TlsProbe | None = None
    http: HttpProbe | None = None
    unseen: bool = False


class Pace:
    """Lets so many go in a second, one after the other."""

    def __init__(
        self, per_second: int, clock: Callable[[], float] = time.monotonic, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._every = 1 / per_second
        self._clock = clock
        self._wait = wait
        self._next = 0.0
        self._lock = threading.Lock()

    def turn(self) -> None:
        """Return when it is the caller's turn."""
        with self._lock:
            now = self._clock()
            at = max(now, self._next)
            self._next = at + self._every
        self._wait(at - now)


class Prober:
    """Connects to services and ingresses; implements ``Connectivity``.

    What was seen is told again for a minute, so that an investigation's rounds do not connect anew.
    """

    name = "probes"

    def __init__(
        self,
        cluster: ClusterObjects,
        limits: ProbeLimits,
        place: Place | None,
        *,
        names: Names | None = None,
        refuses: Callable[[str], bool] = forbidden,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._limits = limits
        self._place = place
        self._names = names or Names(limits.timeout_seconds)
        self._refuses = refuses
        self._clock = clock
        self._pace = Pace(limits.per_second)
        self._seen: dict[tuple[str, ...], tuple[float, Probes]] = {}

    @property
    def active(self) -> bool:
        """Say whether it connects to anything: switched on, or by default in a pod of the cluster."""
        return self._place is not None if self._limits.enabled is None else self._limits.enabled

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield nothing: it knows no components of its own."""
        for nothing in tuple[Gap, ...]():
            yield nothing

    async def describe(self) -> Found:
        """Return where the checks are made from, or why none are made."""
        if not self.active:
            return Found(name=self.name, problem=OFF.why, remedy=OFF.remedy)
        place = f"pod {self._place.namespace}/{self._place.pod}" if self._place else "this machine, by probes.enabled"
        return Found(name=self.name, how=place)

    async def probes(self, namespaces: Sequence[str]) -> Probes:
        """Return what the services and ingresses of ``namespaces`` answered, within the limits of the settings."""
        if not self.active:
            return Probes(gaps=(OFF,))
        wanted = tuple(sorted(namespaces))
        seen = self._seen.get(wanted)
        if seen is None or self._clock() - seen[0] > FRESH_SECONDS:
            seen = (self._clock(), self._look(targets_of(await self._known(), wanted, self._place)))
            self._seen[wanted] = seen
        return seen[1]

    async def _known(self) -> Known:
        return Known(
            services=(await self._cluster.list(Service)).items,
            ingresses=(await self._cluster.list(Ingress)).items,
            pods=(await self._cluster.list(Pod)).items,
            endpoints=(await self._cluster.list(Endpoints)).items,
            slices=(await self._cluster.list(EndpointSlice)).items,
            policies=(await self._cluster.list(NetworkPolicy)).items,
            namespaces=(await self._cluster.list(Namespace)).items,
        )

    def _look(self, targets: Sequence[Target]) -> Probes:
        deadline = self._clock() + LOOK_SECONDS
        chosen = targets[: self._limits.most]
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="probe") as workers:
            met = tuple(workers.map(lambda one: self._check(one, deadline), chosen))
        found = [one for one in met if one is not None]
        unseen = sum(one.unseen for one in found)
        return Probes(
            tcp=tuple(one.tcp for one in found if one.tcp),
            tls=tuple(one.tls for one in found if one.tls),
            http=tuple(one.http for one in found if one.http),
            gaps=(*_left(len(targets), len(targets) - len(found)), *_hidden(unseen)),
        )

    def _check(self, target: Target, deadline: float) -> Outcome | None:
        """Return what ``target`` answers, ``None`` when its turn comes too late."""
        if not self._begins(deadline):
            return None
        try:
            addresses = [one for one in self._names.addresses(target.host) if not self._refuses(one)]
        except UnresolvedError as error:
            return self._unresolved(target, str(error))
        address, words = self._reached(target, addresses)
        if not address:
            return self._failed(target, words)
        return Outcome(
            tcp=_tcp(target, words, reachable=True),
            tls=self._tls(target, address, deadline) if target.tls else None,
            http=self._http(target, address, target.request, deadline) if target.request else None,
        )

    def _unresolved(self, target: Target, words: str) -> Outcome:
        if target.headless and "no such host" in words:
            words = f"{target.host} has no address: none of its endpoints is ready"
        return Outcome(tcp=_tcp(target, words, reachable=False))

    def _reached(self, target: Target, addresses: Sequence[str]) -> tuple[str, str]:
        """Return the first address that takes a connection, else ``""``, and words about it."""
        words = ""
        for address in addresses[:ADDRESSES]:
            try:
                connect(address, target.dial, self._limits.timeout_seconds)
            except OSError as error:
                words = f"{target.host} ({address}) port {target.dial}: {error.strerror or error}"
            else:
                return address, f"{target.host} ({address}:{target.dial}) open"
        return "", words

    def _failed(self, target: Target, words: str) -> Outcome:
        if not words:
            return Outcome()
        if target.shielded and any(one in words.lower() for one in SILENT):
            return Outcome(unseen=True)
        return Outcome(tcp=_tcp(target, words, reachable=False))

    def _begins(self, deadline: float) -> bool:
        """Wait for the turn of a connection, and say whether it may still be made."""
        self._pace.turn()
        return self._clock() <= deadline

    def _tls(self, target: Target, address: str, deadline: float) -> TlsProbe | None:
        found = self._begins(deadline) and certificate_of(
            address, target.dial, target.host, self._limits.timeout_seconds
        )
        if not found:
            return None
        read, chain = found
        return TlsProbe(
            component=target.component,
            host=target.host,
            port=target.port,
            at=datetime.now(UTC),
            starts_at=read.starts_at,
            expires_at=read.expires_at,
            names=read.names,
            issuer=read.issuer,
            trusted=chain == "trusted",
            chain=chain,
        )

    def _http(self, target: Target, address: str, request: Request, deadline: float) -> HttpProbe | None:
        if not self._begins(deadline):
            return None
        answer = answer_of(
            address, target.dial, target.host, request, tls=target.tls, timeout=self._limits.timeout_seconds
        )
        return HttpProbe(
            component=target.component,
            host=target.host,
            port=target.port,
            method=request.method,
            path=request.path,
            at=datetime.now(UTC),
            status=answer.status,
            seconds=answer.seconds,
        )


def here(environment: Mapping[str, str] = os.environ, account: Path = ACCOUNT) -> Place | None:
    """Return the pod that this runs in, ``None`` where it runs in none of a cluster."""
    try:
        namespace = (account / "namespace").read_text().strip()
    except OSError:
        return None
    return (
        Place(namespace=namespace, pod=environment.get("HOSTNAME", ""))
        if "KUBERNETES_SERVICE_HOST" in environment
        else None
    )


def _tcp(target: Target, words: str, *, reachable: bool) -> TcpProbe | None:
    """Return the outcome for a service; whether an ingress is reachable from inside says nothing."""
    if not target.service:
        return None
    return TcpProbe(
        namespace=target.namespace, service=target.name, port=target.port, reachable=reachable, output=words
    )


def _left(all_of_them: int, left: int) -> tuple[Gap, ...]:
    if not left:
        return ()
    return (
        Gap(
            agent="connectivity",
            what=f"{left} of {all_of_them} ports of services and hosts of ingresses",
            why="there are more than are connected to in one look",
            remedy="name a namespace, or raise probes.most and probes.per_second",
        ),
    )


def _hidden(unseen: int) -> tuple[Gap, ...]:
    if not unseen:
        return ()
    return (
        Gap(
            agent="connectivity",
            what=f"whether {unseen} ports of services are reachable",
            why="they do not answer, and no network policy admits a connection from here to their pods",
            remedy="admit the pod of sre-orchestrator in the policies of the application, and those pods in its own",
        ),
    )
