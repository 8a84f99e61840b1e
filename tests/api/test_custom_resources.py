"""Custom resources that are not well, in the report of an incident with a proved cause of its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import anyio
import pytest
from shop import thing, write

from sre_orchestrator.api.live import diagnose_live
from sre_orchestrator.api.wire import serving, write_kubeconfig
from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.models import Report
from sre_orchestrator.core.settings import ClusterAccess, Settings, SnapshotLimits
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

DEMO = Path(__file__).parents[2] / "api" / "demo" / "shop"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return the demo with a sync of Argo CD, a certificate and a Rollout that failed a while before."""
    folder = shutil.copytree(DEMO, tmp_path / "shop")
    with open_snapshot(folder, SnapshotLimits()) as snapshot:
        at = snapshot.captured_at.strftime("%Y-%m-%dT%H:00:00Z")
    unready = {"type": "Ready", "status": "False", "reason": "DoesNotExist", "lastTransitionTime": at}
    stuck = {"type": "Progressing", "status": "False", "lastTransitionTime": at}
    sync = {"phase": "Failed", "message": "one or more objects failed to apply", "finishedAt": at}
    deliver = {"destination": {"namespace": "shop"}}
    degraded = {"phase": "Degraded", "message": "ProgressDeadlineExceeded: timed out", "conditions": [stuck]}
    add(folder, "applications.argoproj.io/v1alpha1", "Application", {"operationState": sync}, "argocd", spec=deliver)
    add(folder, "certificates.cert-manager.io/v1", "Certificate", {"conditions": [unready]})
    add(folder, "rollouts.argoproj.io/v1alpha1", "Rollout", degraded)
    return folder


def add(folder: Path, served: str, kind: str, status: dict[str, Any], namespace: str = "shop", **more: Any) -> None:
    resource, _, version = served.partition("/")
    api_version = f"{resource.partition('.')[2]}/{version}"
    item = thing(kind, "web", namespace=namespace, apiVersion=api_version, status=status, **more)
    text = json.dumps({"apiVersion": api_version, "kind": f"{kind}List", "items": [item]})
    write(folder / "cluster-resources" / "custom-resources" / resource / f"{namespace}.json", text)


def causes(report: Report) -> list[tuple[str, str]]:
    return [(one.cause, one.component) for one in report.hypotheses]


def test_they_are_told_behind_the_proved_cause(shop: Path, tmp_path: Path) -> None:
    installation = Installation(Settings(state_dir=str(tmp_path / "state")))

    told = causes(anyio.run(lambda: diagnose_snapshot(installation, shop)).report)

    assert told[0] == causes(anyio.run(lambda: diagnose_snapshot(installation, DEMO)).report)[0]
    assert {
        ("delivery-failed", "application/argocd/web"),
        ("certificate-not-issued", "certificate/shop/web"),
        ("rollout-stuck", "rollout/shop/web"),
    } <= set(told[1:])


def test_a_running_cluster_tells_the_same(shop: Path, tmp_path: Path) -> None:
    with open_snapshot(shop, SnapshotLimits()) as snapshot, serving(snapshot) as url:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", url, namespace="")
        access = ClusterAccess(kubeconfig=str(kubeconfig))
        installation = Installation(Settings(state_dir=str(tmp_path / "state"), cluster=access))
        at = snapshot.captured_at
        report = anyio.run(lambda: diagnose_live(installation, "checkout fails", namespace="shop", at=at)).report

    assert {"application/argocd/web", "certificate/shop/web", "rollout/shop/web"} <= {one for _, one in causes(report)}
