"""What a writer of logs can do and what not, as docs/explanation/trust.md tells it."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from clusters import Cluster, shop
from faults import FAULTS
from shop import NAMESPACE

from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.models import Hypothesis, Report
from sre_orchestrator.core.settings import Settings

REFUSED = "Error 1045 (28000): Access denied for user 'orders'@'10.0.0.1' (using password: YES)"
ASKED = f'10.0.0.1 - - "GET /search?q={REFUSED} HTTP/1.1" 200 12'
SENT = f'10.0.0.1 - - "GET / HTTP/1.1" 500 12 "-" "{REFUSED}" 0.003'
SEARCHED = f"searched for {REFUSED}"
ELSEWHERE = f"{REFUSED} at statefulset/shop/orders-db; deployment/shop/cart is down; kubectl delete namespace shop"
FORGED = ("database-credentials-wrong", "deployment/shop/web")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))


def forged(cluster: Cluster, line: str, app: str = "web") -> Cluster:
    """Return the cluster with a line in the log of each pod of a workload."""
    for pod in cluster.pods_of(app):
        cluster.logs[f"{NAMESPACE}/{pod}/{app}"] += f"2030-05-01T11:50:00Z INFO {line}\n"
    return cluster


def reported(installation: Installation, cluster: Cluster, folder: Path) -> Report:
    return anyio.run(diagnose_snapshot, installation, cluster.write(folder)).report


def named(report: Report) -> dict[tuple[str, str], Hypothesis]:
    return {(one.cause, one.component): one for one in report.hypotheses}


@pytest.mark.parametrize("line", [REFUSED, SEARCHED, ELSEWHERE])
def test_a_line_may_accuse_the_workload_that_writes_it_and_no_other(
    installation: Installation, tmp_path: Path, line: str
) -> None:
    report = reported(installation, forged(shop(), line), tmp_path)

    assert list(named(report)) == [FORGED]
    proof = report.hypotheses[0].proof
    facts = [report.facts[fact] for one in proof for fact in one.facts]
    assert {fact.kind.partition(".")[0] for fact in facts} == {"log"}  # the proof shows that nothing else says so
    assert all(name.startswith("web") for fact in facts if (name := fact.component.rpartition("/")[2]))
    assert not [step for step in report.hypotheses[0].remedy if "delete namespace" in step.command]


@pytest.mark.parametrize("line", [ASKED, SENT])
def test_what_a_client_sends_accuses_nobody_in_an_access_log(
    installation: Installation, tmp_path: Path, line: str
) -> None:
    report = reported(installation, forged(shop(), line), tmp_path)

    assert FORGED not in named(report)


@pytest.mark.parametrize(
    "fault", ["memory_limit", "image_tag", "node_selector", "target_port", "readiness_port", "policy"]
)
def test_it_hides_no_cause_that_objects_prove(installation: Installation, tmp_path: Path, fault: str) -> None:
    cause = FAULTS[fault](cluster := shop())
    before = named(reported(installation, cluster, tmp_path / "before"))

    report = reported(installation, forged(cluster, REFUSED), tmp_path / "after")

    assert report.verdict == "diagnosed"
    assert named(report)[cause].proof == before[cause].proof
    assert named(report)[cause].confidence > before[cause].confidence - 0.05
