"""Real MCP servers in place of the clients of Kubernetes and Prometheus give the same facts of the demo incident."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import anyio
import pytest
from keeping import PATIENCE, served
from mcp_servers import kubernetes, prometheus_by
from metric_servers import prometheus
from shop import thing

from sre_orchestrator.api.live import diagnose_live
from sre_orchestrator.api.scenes import Followed
from sre_orchestrator.api.wire import serving, store_of, write_kubeconfig
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.mcp_servers import McpServer
from sre_orchestrator.core.models import Fact, Gap
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.settings import (
    ClusterAccess,
    Endpoint,
    ProbeLimits,
    Settings,
    SnapshotLimits,
    TwinKeeping,
)
from sre_orchestrator.plugins.mcp.server import shared
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

DEMO = Path(__file__).parents[2] / "api" / "demo" / "shop"


class Place(NamedTuple):
    """Where the demo incident is served."""

    kubeconfig: Path
    prometheus: str
    state: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("demo")
    metrics = (DEMO / "prometheus" / "metrics.om").read_text()
    with (
        open_snapshot(DEMO, SnapshotLimits()) as snapshot,
        serving(snapshot) as url,
        prometheus(folder, metrics) as measuring,
    ):
        yield Place(write_kubeconfig(folder / "kubeconfig", url), measuring, folder / "state")


def diagnosed(place: Place, *servers: McpServer) -> Bundle:
    """Diagnose with the clients that no server stands in for."""
    replaced = {one.replaces for one in servers}
    nowhere = place.state.parent / "no-kubeconfig"
    settings = Settings(
        state_dir=str(place.state),
        cluster=ClusterAccess(kubeconfig=str(nowhere if "kubernetes" in replaced else place.kubeconfig)),
        prometheus=Endpoint(url="http://127.0.0.1:1" if "prometheus" in replaced else place.prometheus),
        probes=ProbeLimits(enabled=False),
        mcp_servers=servers,
        agent_timeout_seconds=60.0,
    )
    with open_snapshot(DEMO, SnapshotLimits()) as snapshot:
        question, at = snapshot.info.question, snapshot.captured_at
    installation = Installation(settings)
    try:
        return anyio.run(lambda: diagnose_live(installation, question, namespace="shop", at=at))
    finally:
        installation.close()


@pytest.fixture(scope="module")
def native(place: Place) -> Bundle:
    return diagnosed(place)


def facts_of(bundle: Bundle) -> dict[str, Fact]:
    return {one.id: one for one in bundle.seen.facts}


def gaps_beside(bundle: Bundle, other: Bundle) -> list[Gap]:
    return [one for one in bundle.seen.gaps if one not in other.seen.gaps]


def test_kubernetes_mcp_server_gives_the_facts_of_the_api(place: Place, native: Bundle) -> None:
    found = diagnosed(place, kubernetes(place.kubeconfig, replaces="kubernetes"))

    assert facts_of(found) == facts_of(native)
    assert found.seen.coverage == native.seen.coverage
    assert gaps_beside(found, native) == []
    assert len(found.seen.facts) > 100
    assert found.report.hypotheses == native.report.hypotheses


def test_prometheus_mcp_server_gives_the_facts_of_prometheus(place: Place, native: Bundle) -> None:
    found = diagnosed(place, prometheus_by("prometheus-mcp-server", place.prometheus, replaces="prometheus"))

    assert facts_of(found) == facts_of(native)
    assert {one.agent for one in gaps_beside(found, native)} == {"alerts"}  # no Alertmanager, and no Prometheus to ask
    assert found.report.hypotheses[0].confidence == native.report.hypotheses[0].confidence


def test_prometheus_mcp_gives_values_at_steps_and_says_so(place: Place, native: Bundle) -> None:
    found = diagnosed(place, prometheus_by("prometheus-mcp", place.prometheus, replaces="prometheus"))

    assert {(one.kind, one.component) for one in found.seen.facts} == {
        (one.kind, one.component) for one in native.seen.facts
    }
    said = [one.why for one in gaps_beside(found, native) if one.agent == "prometheus"]
    assert said == ["the MCP server prom gives no stored samples: these are values at every 30 seconds"]


def test_both_together_need_no_client_at_all(place: Place, native: Bundle) -> None:
    servers = (
        kubernetes(place.kubeconfig, replaces="kubernetes"),
        prometheus_by("prometheus-mcp-server", place.prometheus, replaces="prometheus"),
    )

    found = diagnosed(place, *servers)

    assert facts_of(found) == facts_of(native)


def test_a_twin_is_kept_current_and_one_server_answers_every_round(tmp_path: Path) -> None:
    with open_snapshot(DEMO, SnapshotLimits()) as snapshot, serving(store := store_of(snapshot).store) as url:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", url)
        settings = Settings(
            state_dir=str(tmp_path / "state"),
            namespace="shop",
            probes=ProbeLimits(enabled=False),
            mcp_servers=(kubernetes(kubeconfig, replaces="kubernetes"),),
            twin=TwinKeeping(batch_seconds=0.05, relist_seconds=0.5),
        )
        servers: set[int] = set()

        async def looked(watched: Followed) -> set[str]:
            async with watched.look() as scene:
                servers.add(id(shared(settings_of_server).session()))
                return {one.id for one in scene.parts.twin.components("configmap")}

        async def scenario() -> None:
            async with Followed(installation, settings) as watched:
                assert "configmap/shop/new" not in await looked(watched)
                store.apply(served(thing("ConfigMap", "new", data={"a": "1"})))
                with anyio.fail_after(PATIENCE):
                    while "configmap/shop/new" not in await looked(watched):
                        await anyio.sleep(0.1)
                store.delete("ConfigMap", "new", "shop")
                with anyio.fail_after(PATIENCE):
                    while "configmap/shop/new" in await looked(watched):
                        await anyio.sleep(0.1)

        with closing(Installation(settings)) as installation:
            settings_of_server = installation.settings.mcp_servers[0]
            anyio.run(scenario)
        session = shared(settings_of_server)

    assert len(servers) == 1
    assert session.greeting.name == ""  # the installation has ended the one that was asked


def test_a_server_that_is_not_there_is_an_error_or_a_gap(place: Place) -> None:
    gone = McpServer(name="kube", preset="kubernetes-mcp-server", command="/nowhere/server", replaces="kubernetes")
    with pytest.raises(InputError, match=r"mcp_servers kube: .*No such file"):
        diagnosed(place, gone)

    found = diagnosed(
        place, McpServer(name="prom", preset="prometheus-mcp-server", command="/nowhere/server", replaces="prometheus")
    )

    assert [one for one in found.seen.gaps if one.agent == "metrics" and "MCP server prom" in one.why]
