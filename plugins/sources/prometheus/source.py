"""The source of metrics: finds the server, reads each window once, remembers the last ones."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

from sre_orchestrator.core.models import Component, Edge, Gap, Struct
from sre_orchestrator.core.settings import Endpoint
from sre_orchestrator.plugins.sources.discovery import Located, Mark, Wanted
from sre_orchestrator.plugins.sources.http import HttpService
from sre_orchestrator.plugins.sources.ports import ClusterObjects, Found, Series
from sre_orchestrator.plugins.sources.prometheus.api import PrometheusApi
from sre_orchestrator.plugins.sources.prometheus.reading import Reading, Window
from sre_orchestrator.plugins.sources.prometheus.table import Table

# Servers of one cluster before those that see several, in which a namespace of the same name may be another's.
WANTED = Wanted(
    key="prometheus",
    others="alertmanager|node-exporter|pushgateway|adapter|operator(?!ed)|kube-state-metrics|exporter|webhook",
    prefixes=("", "/prometheus"),
    marks=(
        Mark(label="operated-prometheus", value="true", ports=("web", "http-web", "9090")),
        Mark(label="app.kubernetes.io/name", value="prometheus", ports=("web", "http-web", "http", "9090", "80")),
        Mark(name="prometheus-server|prometheus-k8s|prometheus(-operated)?|.*-prometheus(-server)?", ports=("web", "http-web", "http", "9090", "80")),
        Mark(label="app.kubernetes.io/name", value="vmsingle|victoria-metrics-single", ports=("http", "8428", "8429")),
        Mark(name="vmsingle.*|victoria-?metrics|.*victoria-metrics-single-server", ports=("http", "8428", "8429")),
        Mark(label="app.kubernetes.io/name", value="vmselect", ports=("http", "8481"), prefix="/select/0/prometheus"),
        Mark(name="vmselect.*|.*-vmselect", ports=("http", "8481"), prefix="/select/0/prometheus"),
        Mark(name="thanos-querier", ports=("web", "9091")),
        Mark(name=".*thanos.*query-frontend.*", ports=("http", "9090", "10902")),
        Mark(name=".*thanos.*query(?:-http)?", ports=("http", "9090", "10902")),
        Mark(name=".*(?:mimir|cortex).*(?:query-frontend|gateway|nginx)", ports=("http-metrics", "http-metric", "http", "8080", "80"), prefix="/prometheus"),
    ),
)  # fmt: skip
KEPT = 2


class Answer(Struct, frozen=True, kw_only=True):
    """The series of a window, and what it lacks."""

    series: tuple[Series, ...]
    gaps: tuple[Gap, ...]


class Whereabouts(Protocol):
    """Knows where metrics are asked for."""

    async def service(self) -> HttpService:
        """Return the service; ``SourceMissing`` where there is none."""
        ...

    async def describe(self) -> Found:
        """Return what was found, and what is wrong."""
        ...


class Prometheus:
    """Metrics of a running cluster; whoever asks for the same window and namespaces gets what was read before."""

    name = "prometheus"

    def __init__(self, endpoint: Endpoint, cluster: ClusterObjects | None, table: Table, *, ours: str = "") -> None:
        self.located: Whereabouts = Located(WANTED, endpoint, cluster, version_of)
        self._table = table
        self._ours = ours
        self._known: OrderedDict[tuple[datetime, datetime, tuple[str, ...]], Answer] = OrderedDict()
        self._lock = threading.Lock()

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield the files of signals that were refused; it knows no components."""
        for one in self._table.problems:
            yield Gap(agent="prometheus", what="a file of signals", why=one, remedy="correct it; it was left out")

    async def series(self, since: datetime, until: datetime, namespaces: Sequence[str] = ()) -> Sequence[Series]:
        """Return the series that agents understand: of ``namespaces``, or of all, and of nodes."""
        service = await self.located.service()
        key = (since, until, tuple(sorted(namespaces)))
        with self._lock:
            if key not in self._known:
                window = Window(since=since, until=until)
                reading = Reading(
                    PrometheusApi(service), window, self._table, ours=self._ours, budget=service.timeout_seconds
                )
                series = reading.series(key[2])
                self._known[key] = Answer(series=tuple(series), gaps=tuple(reading.gaps))
                while len(self._known) > KEPT:
                    self._known.popitem(last=False)
            return self._known[key].series

    def gaps(self) -> Sequence[Gap]:
        """Return what the remembered answers lack."""
        with self._lock:
            return [gap for answer in self._known.values() for gap in answer.gaps]

    async def describe(self) -> Found:
        """Return what was found."""
        return await self.located.describe()


def version_of(service: HttpService) -> str:
    """Return the version of a server that answers queries.

    Raises:
        ServiceProblem: it does not.

    """
    return PrometheusApi(service).version()
