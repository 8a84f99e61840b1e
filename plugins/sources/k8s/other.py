"""A connection that asks something else than an API server: whoever has the answers to its requests."""

from __future__ import annotations

import io
from collections.abc import Callable

from kubernetes.client import Configuration
from urllib3 import BaseHTTPResponse, HTTPResponse

from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.sources.k8s.access import Access
from sre_orchestrator.plugins.sources.k8s.cluster import Cluster
from sre_orchestrator.plugins.sources.k8s.connection import JSON, Connection, Query
from sre_orchestrator.plugins.sources.k8s.follower import Pace
from sre_orchestrator.plugins.sources.ports import ClusterObjects

Ask = Callable[[str, Query], bytes]
"""Answers a GET of a path with parameters; raises ``ApiError`` with the status of HTTP that an API server would give."""


class OtherConnection(Connection):
    """Sends nothing over the network; ``ask`` answers, and no question about permissions, tokens or changes is asked."""

    native = False

    def __init__(self, ask: Ask, access: Access, timeout: float) -> None:
        super().__init__(access, lambda: access, timeout)
        self.host = access.place
        self._ask = ask

    def read(
        self, path: str, query: Query, most: int = 0, *, accept: str = JSON, body: bytes = b""
    ) -> tuple[bytes, bool]:
        """Return the answer, the first ``most`` bytes where that is given, and whether it was cut."""
        del accept, body
        self.requests += 1
        text = self._ask(path, query)
        return (text[:most], True) if most and len(text) > most else (text, False)

    def open(
        self, path: str, query: Query, accept: str = JSON, *, quiet_seconds: float = 0.0, body: bytes = b""
    ) -> BaseHTTPResponse:
        """Return the answer as a body that is still to be read."""
        del quiet_seconds
        return HTTPResponse(io.BytesIO(self.read(path, query, accept=accept, body=body)[0]), preload_content=False)


def cluster_by(ask: Ask, settings: Settings, *, place: str, objects: ClusterObjects | None = None) -> Cluster:
    """Return a cluster of which ``ask`` has the answers at ``place``; it is followed by listing it again and again."""
    access = Access(configuration=Configuration(), place=place)
    return Cluster(
        OtherConnection(ask, access, settings.cluster.timeout_seconds),
        access,
        settings,
        pace=Pace(relist_seconds=settings.twin.relist_seconds),
        objects=objects,
    )
