"""The whole program on whole clusters: silent when healthy, right about one fault, and about two."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from calm import CALM
from clusters import shop
from faults import FAULTS, callers_fail, crash

from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.models import Report
from sre_orchestrator.core.settings import Settings

PAIRS = [
    ("memory_limit", "database_connections"),
    ("image_tag", "half_rollout"),
    ("selector", "address"),
    ("node_selector", "database_password"),
    ("liveness_port", "scaled_to_zero"),
    ("secret_absent", "database_read_only"),
    ("readiness_port", "half_rollout"),
    ("port_conflict", "database_connections"),
    ("quota_pods", "half_rollout"),
    ("account", "database_password"),
    ("storage_class", "scaled_to_zero"),
    ("target_port", "database_password"),
]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))


def report_of(installation: Installation, path: Path) -> Report:
    return anyio.run(diagnose_snapshot, installation, path).report


@pytest.mark.parametrize("name", CALM)
def test_a_healthy_cluster_is_unresolved(installation: Installation, tmp_path: Path, name: str) -> None:
    cluster = shop()
    CALM[name](cluster)

    report = report_of(installation, cluster.write(tmp_path))

    assert report.verdict == "unresolved", [(one.cause, one.component, one.because) for one in report.hypotheses[:3]]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_first(installation: Installation, tmp_path: Path, name: str) -> None:
    cluster = shop()
    expected = FAULTS[name](cluster)

    report = report_of(installation, cluster.write(tmp_path))

    assert [(one.cause, one.component) for one in report.hypotheses[:1]] == [expected]
    assert report.verdict == "diagnosed"


@pytest.mark.parametrize(
    ("calm", "fault"), [(c, f) for n, c in enumerate(CALM) for f in [list(FAULTS)[n % len(FAULTS)]]]
)
def test_what_looks_alarming_does_not_hide_a_fault(
    installation: Installation, tmp_path: Path, calm: str, fault: str
) -> None:
    cluster = shop()
    CALM[calm](cluster)
    expected = FAULTS[fault](cluster)

    report = report_of(installation, cluster.write(tmp_path))

    assert [(one.cause, one.component) for one in report.hypotheses[:1]] == [expected]


@pytest.mark.parametrize("names", PAIRS, ids="-and-".join)
def test_two_faults_are_both_in_the_first_three(
    installation: Installation, tmp_path: Path, names: tuple[str, str]
) -> None:
    cluster = shop()
    expected = {FAULTS[name](cluster) for name in names}

    report = report_of(installation, cluster.write(tmp_path))

    first = report.hypotheses[:3]
    assert expected <= {(one.cause, one.component) for one in first}
    mine, other = (set(one.explains) for one in first if (one.cause, one.component) in expected)
    assert mine - other
    assert other - mine


def test_a_cascade_over_five_services_names_its_origin(installation: Installation, tmp_path: Path) -> None:
    cluster = shop()
    crash(cluster, "orders-db", "OOMKilled", 137, "2030-05-01T11:57:00Z [Note] InnoDB: initializing buffer pool\n")
    for app, callee, port in (("orders", "orders-db", 3306), ("checkout", "orders", 8080), ("web", "checkout", 5050)):
        callers_fail(cluster, app, callee, port)
        cluster.down(app)
    cluster.app("mobile", 9000, env={"WEB_URL": "http://web:8000"})
    cluster.topology["mobile"] = ["web"]
    callers_fail(cluster, "mobile", "web", 8000)

    report = report_of(installation, cluster.write(tmp_path))

    assert report.hypotheses[0].component == "statefulset/shop/orders-db"
    assert report.hypotheses[0].cause == "memory-limit-too-low"
