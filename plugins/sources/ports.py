"""What agents ask of sources; a live API, a snapshot and an MCP server all answer through these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from threading import Event
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, runtime_checkable

from sre_orchestrator.core.models import Gap, Struct
from sre_orchestrator.plugins.objects.meta import Object, Time
from sre_orchestrator.plugins.sources.database_reading import DatabaseReading
from sre_orchestrator.plugins.sources.trust import Trust

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

K = TypeVar("K", bound=Object)
K_co = TypeVar("K_co", bound=Object, covariant=True)
EVERYWHERE = "*"
"""Stands for all namespaces, and for what belongs to none."""


class Listing(Struct, Generic[K_co], frozen=True, kw_only=True):
    """All objects of one kind that could be read.

    ``complete_in`` names the namespaces that were read completely, or ``EVERYWHERE``;
    agents turn it into Coverage. ``gaps`` says what could not be read.
    """

    items: tuple[K_co, ...]
    complete_in: frozenset[str] = frozenset()
    gaps: tuple[Gap, ...] = ()


@runtime_checkable
class ClusterObjects(Protocol):
    """Kubernetes objects."""

    async def list(self, kind: type[K]) -> Listing[K]:
        """Return every object of ``kind`` (a struct of ``plugins.objects``)."""
        ...

    async def server_version(self) -> str:
        """Return the API server's version, such as ``v1.31.2``, or ``""``."""
        ...


class Relisted(Struct, frozen=True, kw_only=True):
    """The whole list of a kind: what was known and is not in it is gone (first list, or after 410 Gone)."""

    kind: type[Object]
    listing: Listing[Object]
    resource_version: str


class Changed(Struct, frozen=True, kw_only=True):
    """One object was added or modified, or, when ``deleted``, was last like this."""

    kind: type[Object]
    item: Object
    resource_version: str
    deleted: bool = False


class Reached(Struct, frozen=True, kw_only=True):
    """A bookmark: everything of ``kind`` up to ``resource_version`` has been reported."""

    kind: type[Object]
    resource_version: str


@runtime_checkable
class ObjectFeed(Protocol):
    """Kubernetes objects as they change."""

    def follow(
        self, kinds: Sequence[type[Object]], since: Mapping[type[Object], str], stop: Event
    ) -> Iterator[Relisted | Changed | Reached]:
        """Yield the changes of ``kinds``, one at a time, in order within a kind, until ``stop`` is set.

        A kind in ``since`` goes on after that resource version; any other begins with its list. Blocks while
        nothing happens, for a second at most before it looks at ``stop``; meanwhile it may yield ``Reached`` again.
        """
        ...


class LogStream(Struct, frozen=True, kw_only=True):
    """One container's log: which, and whether every line of the container's life is there."""

    namespace: str
    pod: str
    container: str
    previous: bool = False
    complete: bool = True


@runtime_checkable
class PodLogs(Protocol):
    """Container logs."""

    async def streams(self, namespace: str) -> Sequence[LogStream]:
        """Return the logs that exist in ``namespace``."""
        ...

    def lines(self, stream: LogStream, *, newest_bytes: int = 0) -> Iterator[str]:
        """Yield the lines, oldest first; invalid UTF-8 replaced, an over-long line cut (limits in settings).

        ``newest_bytes`` asks for about that much of the end only; a source may yield more.
        """
        ...


class Series(Struct, frozen=True, kw_only=True):
    """One time series; ``times`` are Unix seconds (float64, ascending), ``values`` float64, same length."""

    name: str
    labels: dict[str, str]
    times: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]
    unit: str = ""


@runtime_checkable
class Metrics(Protocol):
    """Time series around the incident."""

    async def series(self, since: datetime, until: datetime, namespaces: Sequence[str] = ()) -> Sequence[Series]:
        """Return the series in the window, of nodes and of ``namespaces``; a source may return more.

        Without ``namespaces`` those of all are meant, as far as limits allow.

        Raises:
            SourceMissing: there is no such service, or it does not answer; the text says what to set.

        """
        ...


class Alert(Struct, frozen=True, kw_only=True):
    """One alert of Alertmanager's v2 API; ``expression`` is its rule's in PromQL, where somebody told it."""

    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    state: str = "active"
    generator_url: str = ""
    expression: str = ""


@runtime_checkable
class Alerts(Protocol):
    """Firing alerts."""

    async def alerts(self) -> Sequence[Alert]:
        """Return the alerts, silenced ones included (``state``)."""
        ...


class TcpProbe(Struct, frozen=True, kw_only=True):
    """The outcome of one TCP connection to a service port."""

    namespace: str
    service: str
    port: int
    reachable: bool
    output: str = ""


class TlsProbe(Struct, frozen=True, kw_only=True):
    """The certificate that a service port, or the host of an ingress, was seen to serve at ``at``.

    ``host`` is the name that was asked for; ``trusted`` says whether the chain ends at an authority that is known
    where the probe ran, ``chain`` where it ends (``plugins.sources.tls.handshake``).
    """

    component: str
    host: str
    port: int
    at: Time
    starts_at: Time
    expires_at: Time
    names: tuple[str, ...] = ()
    issuer: str = ""
    trusted: bool = False
    chain: str = ""


class HttpProbe(Struct, frozen=True, kw_only=True):
    """The answer of a service port, or the host of an ingress, to one request; ``status`` 0: none that can be read."""

    component: str
    host: str
    port: int
    method: str
    path: str
    at: Time
    status: int = 0
    seconds: float = 0.0


class Probes(Struct, frozen=True, kw_only=True):
    """What active checks met, and what could not be checked."""

    tcp: tuple[TcpProbe, ...] = ()
    tls: tuple[TlsProbe, ...] = ()
    http: tuple[HttpProbe, ...] = ()
    gaps: tuple[Gap, ...] = ()


@runtime_checkable
class Connectivity(Protocol):
    """Active checks from inside the cluster."""

    async def probes(self, namespaces: Sequence[str]) -> Probes:
        """Return what the services and ingresses of ``namespaces`` answered."""
        ...


@runtime_checkable
class TrustChecks(Protocol):
    """Active checks of issuers of tokens and of addresses that serve certificates."""

    async def trust(self) -> Trust:
        """Return what they answered."""
        ...


class Unit(Struct, frozen=True, kw_only=True):
    """A system unit on a node, from ``systemctl status``.

    ``state`` is systemd's ActiveState (``active``, ``inactive``, ``failed``, ``activating``, …),
    ``since`` when it got there, ``lines`` the journal's tail, ``utc_offset_minutes`` the offset of
    the node's clock, in which the lines are dated, where the text shows it.
    """

    node: str
    name: str
    state: str
    sub_state: str = ""
    since: datetime | None = None
    result: str = ""
    enabled: bool = False
    utc_offset_minutes: int | None = None
    lines: tuple[str, ...] = ()


@runtime_checkable
class HostUnits(Protocol):
    """System units of nodes."""

    async def units(self) -> Sequence[Unit]:
        """Return the units that were recorded."""
        ...


class Dependency(Struct, frozen=True, kw_only=True):
    """``caller`` calls ``callee`` (workload or service names) in ``namespace``."""

    namespace: str
    caller: str
    callee: str
    provenance: str = "declared"


@runtime_checkable
class Topology(Protocol):
    """Declared or traced call relations."""

    async def dependencies(self) -> Sequence[Dependency]:
        """Return the relations."""
        ...


class ReleaseRecord(Struct, frozen=True, kw_only=True):
    """The Secret or ConfigMap in which Helm keeps one revision of a release.

    ``payload`` is the text of its key ``release`` (base64 of a gzipped document), ``None`` where contents are not
    read; ``labels`` are Helm's own (``name``, ``version``, ``status``, ``owner: helm``, ``modifiedAt``).
    """

    namespace: str
    name: str
    kind: str = "Secret"
    labels: dict[str, str] = {}
    created_at: datetime | None = None
    payload: bytes | None = None


class ReleaseRecordList(Struct, frozen=True, kw_only=True):
    """The records that could be read; ``complete_in`` and ``gaps`` as in ``Listing``."""

    items: tuple[ReleaseRecord, ...] = ()
    complete_in: frozenset[str] = frozenset()
    gaps: tuple[Gap, ...] = ()


@runtime_checkable
class ReleaseRecords(Protocol):
    """What Helm keeps of its releases, undecoded."""

    async def release_records(self, namespaces: Sequence[str]) -> ReleaseRecordList:
        """Return the records in ``namespaces``."""
        ...


class ReleaseHook(Struct, frozen=True, kw_only=True):
    """A hook of a release; ``phase`` is Helm's (``Running``, ``Succeeded``, ``Failed``) or empty where it never ran."""

    kind: str
    name: str
    events: tuple[str, ...] = ()
    phase: str = ""
    started_at: datetime | None = None
    completed_at: datetime | None = None


class Release(Struct, frozen=True, kw_only=True):
    """One revision of a Helm release; ``revision`` is 0 where only objects of the release tell of it.

    ``values`` are what the user set, flat (``image.tag``) and masked when they were decoded. ``objects`` are those
    of the manifest whose kinds are in ``plugins.objects.registry``, of the newest revision and of the newest one before
    it that went well. ``last_deployed`` is when the revision began, ``updated_at`` when its state was last written.
    ``whole`` says whether contents were read, beyond labels.
    """

    namespace: str
    name: str
    revision: int = 0
    status: str = ""
    chart: str = ""
    chart_version: str = ""
    app_version: str = ""
    first_deployed: datetime | None = None
    last_deployed: datetime | None = None
    updated_at: datetime | None = None
    description: str = ""
    values: dict[str, str] = {}
    objects: tuple[Object, ...] = ()
    hooks: tuple[ReleaseHook, ...] = ()
    whole: bool = False


class ReleaseHistory(Struct, frozen=True, kw_only=True):
    """The revisions that are kept, newest first within a release; ``complete_in`` and ``gaps`` as in ``Listing``."""

    items: tuple[Release, ...] = ()
    complete_in: frozenset[str] = frozenset()
    gaps: tuple[Gap, ...] = ()


@runtime_checkable
class Releases(Protocol):
    """Helm releases."""

    async def releases(self, namespaces: Sequence[str]) -> ReleaseHistory:
        """Return the revisions of the releases in ``namespaces``."""
        ...


class Found(Struct, frozen=True, kw_only=True):
    """What became of a service that is looked for: where it is, how it was found, what is wrong.

    ``how`` is ``prometheus.url`` or ``service NAMESPACE/NAME by LABEL``, empty when nothing was found.
    ``problem`` is empty when all is well; ``remedy`` then too.
    """

    name: str
    address: str = ""
    how: str = ""
    version: str = ""
    problem: str = ""
    remedy: str = ""


@runtime_checkable
class Discoverable(Protocol):
    """A source that speaks to a service which settings name or the cluster holds."""

    async def describe(self) -> Found:
        """Look for the service, ask it for its version, and return what was found; raises nothing of its own."""
        ...


@runtime_checkable
class Incomplete(Protocol):
    """A source whose answers may lack something."""

    def gaps(self) -> Sequence[Gap]:
        """Return what its last answers lack: partial responses, what was left out to bound the cost."""
        ...


class Right(Struct, frozen=True, kw_only=True):
    """A permission to read ``resource`` of API group ``group`` (``pods/log`` too), needed to see a ``needed_for``."""

    group: str
    resource: str
    verbs: tuple[str, ...] = ("list", "watch")
    namespaced: bool = True
    needed_for: str = ""
    optional: bool = False


class Grant(Struct, frozen=True, kw_only=True):
    """Where a right is given: ``{"*"}``: everywhere, else in these namespaces. ``lacking`` are verbs given nowhere."""

    right: Right
    places: frozenset[str] = frozenset()
    lacking: tuple[str, ...] = ()


@runtime_checkable
class DatabaseServer(Protocol):
    """A database, cache or broker that can be asked."""

    name: str
    component: str

    def look(self) -> DatabaseReading:
        """Connect, read how the server is, and return it; raises nothing of its own, safe to call from any thread."""
        ...


@runtime_checkable
class Permissions(Protocol):
    """What the Kubernetes API offers and permits."""

    async def api_groups(self) -> frozenset[str]:
        """Return the API groups that the server offers; the core group is ``""``."""
        ...

    async def grants(self, rights: Sequence[Right], namespaces: Sequence[str]) -> Sequence[Grant]:
        """Return which of ``rights`` this account has, in the whole cluster or else in ``namespaces``.

        Raises:
            SourceMissing: the server does not answer the question.

        """
        ...
