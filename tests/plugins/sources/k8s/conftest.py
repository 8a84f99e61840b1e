"""What tests of the Kubernetes source share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stamina
from api_server import Attach, Server

from sre_orchestrator.core.settings import ClusterAccess, Settings
from sre_orchestrator.plugins.sources.k8s import Cluster, open_cluster
from sre_orchestrator.plugins.sources.retries import ATTEMPTS


@pytest.fixture(autouse=True)
def no_waits() -> Iterator[None]:
    """Repeat requests at once."""
    with stamina.set_testing(True, attempts=ATTEMPTS):
        yield


@pytest.fixture
def attach(tmp_path: Path) -> Iterator[Attach]:
    """Return what attaches to a server: ``attach(server, namespace="shop", page_size=2)``."""
    opened: list[Cluster] = []

    def to(server: Server, *, namespace: str = "", **access: Any) -> Cluster:
        kubeconfig = access.pop("kubeconfig", None) or server.kubeconfig(tmp_path)
        settings = Settings(
            state_dir="unused", namespace=namespace, cluster=ClusterAccess(kubeconfig=str(kubeconfig), **access)
        )
        opened.append(open_cluster(settings, {}))
        return opened[-1]

    yield to
    for one in opened:
        one.close()
