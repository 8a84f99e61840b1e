"""Diagnosing a running cluster: the same report as from a snapshot that was taken at that moment."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import faults
import msgspec
import pytest
import railway_routes
from clusters import shop as healthy_shop
from railway import railway
from railway_cases import CASES
from recorded import Recordings

from sre_orchestrator.api import wiring
from sre_orchestrator.api.live import attached, check_access, diagnose_live, settings_for
from sre_orchestrator.api.wire import serving, write_kubeconfig
from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.bundle import replay
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.mcp_servers import McpServer
from sre_orchestrator.core.models import Gap, Report
from sre_orchestrator.core.settings import ClusterAccess, Settings, SnapshotLimits
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.sources.k8s import Cluster
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

DEMO = Path(__file__).parents[2] / "api" / "demo" / "shop"
AGENTS = tuple(one for one in wiring.BUILTIN if one.startswith(wiring.AGENTS))


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("state"))


@pytest.fixture(autouse=True)
def agents_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the sources of services, of which these clusters have none; ``Recordings`` stand in."""
    monkeypatch.setattr(wiring, "BUILTIN", AGENTS)


def demo(folder: Path) -> Path:
    del folder
    return DEMO


def memory_limit(folder: Path) -> Path:
    cluster = healthy_shop()
    faults.FAULTS["memory_limit"](cluster)
    return cluster.write(folder)


def routes_of_the_railway(folder: Path) -> Path:
    assert railway_routes.__name__  # it registers the case
    cluster = railway()
    CASES["misroute_in_nginx"](cluster)
    return cluster.write(folder)


@contextmanager
def live(path: Path, state: str, folder: Path, **settings: Any) -> Iterator[tuple[Installation, Recordings]]:
    """Serve a snapshot and yield an installation that is attached to it, and what else the snapshot holds."""
    with open_snapshot(path, SnapshotLimits()) as snapshot, serving(snapshot) as url:
        kubeconfig = write_kubeconfig(folder / "kubeconfig", url, namespace="")
        access = ClusterAccess(kubeconfig=str(kubeconfig))
        installation = Installation(Settings(state_dir=state, cluster=access, **settings))
        recordings = Recordings(snapshot)
        installation.plugins.manager.register(recordings)
        yield installation, recordings


def comparable(report: Report) -> dict[str, Any]:
    """Return all of a report but what it cost, and the gaps, whose wording depends on where it looked."""
    return {**msgspec.to_builtins(report), "cost": None, "gaps": None}


def unseen(gaps: tuple[Gap, ...]) -> set[tuple[str, str]]:
    """Return what could not be seen; the server of a snapshot forbids to list what the snapshot does not hold."""
    same = {"snapshot": "objects", "cluster": "objects"}
    return {(same.get(one.agent, one.agent), re.sub(r" in namespace \S+$", "", one.what)) for one in gaps}


@pytest.mark.parametrize("write", [demo, memory_limit, routes_of_the_railway])
def test_a_running_cluster_gives_the_same_report_as_its_snapshot(
    write: Callable[[Path], Path], state: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "snapshot")
    with live(path, state, tmp_path) as (installation, recordings):
        recorded = anyio.run(lambda: diagnose_snapshot(installation, path))
        asked = recorded.report.incident
        attached_to = anyio.run(
            lambda: diagnose_live(installation, asked.description, namespace=asked.namespace, at=asked.at)
        )

    assert comparable(attached_to.report) == comparable(recorded.report)
    assert unseen(attached_to.report.gaps) == unseen(recorded.report.gaps)
    assert recordings.source.closed


def test_an_investigation_asks_a_bounded_number_of_times(state: str, tmp_path: Path) -> None:
    with live(DEMO, state, tmp_path) as (installation, recordings):
        anyio.run(lambda: diagnose_live(installation, "checkout answers 500", namespace="shop"))
        (cluster,) = recordings.clusters
        assert isinstance(cluster, Cluster)
        streams = anyio.run(cluster.streams, "shop")
        asked = cluster.requests

    # version and groups; each kind once, what is forbidden in the namespace too; each log once
    assert asked <= 2 + 2 * len(KINDS) + len(streams)


def test_the_question_is_needed(state: str) -> None:
    installation = Installation(Settings(state_dir=state))

    with pytest.raises(InputError, match="say what is wrong"):
        anyio.run(lambda: diagnose_live(installation, " "))


def test_the_moment_is_now_and_the_context_is_the_cluster(state: str, tmp_path: Path) -> None:
    before = datetime.now(UTC)
    with live(DEMO, state, tmp_path) as (installation, _):
        bundle = anyio.run(lambda: diagnose_live(installation, "checkout answers 500", context="snapshot"))

    assert before <= bundle.report.incident.at <= datetime.now(UTC)
    assert bundle.report.incident.cluster == "snapshot"
    assert {fact.cluster for fact in bundle.seen.facts} == {"snapshot"}


def test_settings_of_one_investigation_name_its_namespace_and_context() -> None:
    settings = Settings(state_dir="unused", namespace="shop", cluster=ClusterAccess(context="eu", page_size=7))

    assert settings_for(settings, "", "") == settings
    assert settings_for(settings, "bank", "us").namespace == "bank"
    assert settings_for(settings, "bank", "us").cluster == ClusterAccess(context="us", page_size=7)


def test_sources_are_closed_when_something_fails(state: str, tmp_path: Path) -> None:
    with (
        live(DEMO, state, tmp_path) as (installation, recordings),
        suppress(InputError),
        attached(installation, installation.settings) as (cluster, sources),
    ):
        found = sources.all == (recordings.source, cluster)
        raise InputError

    assert found
    assert recordings.source.closed


def test_a_namespace_that_does_not_exist_is_bad_input(state: str, tmp_path: Path) -> None:
    with (
        live(DEMO, state, tmp_path) as (installation, _),
        pytest.raises(InputError, match="namespace 'shopp' does not exist"),
    ):
        anyio.run(lambda: diagnose_live(installation, "checkout answers 500", namespace="shopp"))


def test_what_sources_find_missing_while_they_are_asked_is_in_the_report(state: str, tmp_path: Path) -> None:
    with live(DEMO, state, tmp_path) as (installation, recordings):
        recordings.source.missing = (Gap(agent="metrics", what="half of the series", why="too many"),)
        bundle = anyio.run(lambda: diagnose_live(installation, "checkout answers 500", namespace="shop"))

    again = replay(bundle, installation.reasoning())

    assert recordings.source.missing[0] in bundle.seen.gaps
    assert bundle.report.gaps == again.report.gaps


def test_where_an_mcp_server_stands_in_no_kubeconfig_is_needed(tmp_path: Path) -> None:
    nowhere = Settings(cluster=ClusterAccess(kubeconfig=str(tmp_path / "nowhere")))
    kube = McpServer(name="kube", preset="kubernetes-mcp-server", replaces="kubernetes")

    check_access(msgspec.structs.replace(nowhere, mcp_servers=(kube,)))

    with pytest.raises(InputError, match="nowhere: does not exist"):
        check_access(nowhere)
