"""A running cluster with real Prometheus and Alertmanager's answers gives the facts of its snapshot."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import msgspec
from http_services import answering, said
from metric_servers import prometheus

from sre_orchestrator.api.live import diagnose_live
from sre_orchestrator.api.wire import serving, write_kubeconfig
from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.settings import ClusterAccess, Endpoint, Settings, SnapshotLimits
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

DEMO = Path(__file__).parents[2] / "api" / "demo" / "shop"


def observed(bundle: Bundle) -> dict[str, object]:
    """Return the facts of the agents that ask services of metrics and alerts, without how to see them."""
    return {
        one.id: msgspec.structs.replace(one, query="")
        for one in bundle.seen.facts
        if one.agent in {"metrics", "alerts", "user-flow"}
    }


def test_metrics_and_alerts_of_services_give_the_facts_of_the_snapshot(tmp_path: Path) -> None:
    metrics = (DEMO / "prometheus" / "metrics.om").read_text()
    alerts = said(json.loads((DEMO / "alertmanager" / "alerts.json").read_text()))
    status = said({"versionInfo": {"version": "0.27.0"}})
    with (
        open_snapshot(DEMO, SnapshotLimits()) as snapshot,
        serving(snapshot) as url,
        prometheus(tmp_path, metrics) as measuring,
        answering({"/api/v2/alerts": alerts, "/api/v2/status": status}) as managing,
    ):
        settings = Settings(
            state_dir=str(tmp_path / "state"),
            cluster=ClusterAccess(kubeconfig=str(write_kubeconfig(tmp_path / "kubeconfig", url))),
            prometheus=Endpoint(url=measuring),
            alertmanager=Endpoint(url=managing.address),
        )
        installation = Installation(settings)
        question, at = snapshot.info.question, snapshot.captured_at
        live = anyio.run(lambda: diagnose_live(installation, question, namespace="shop", at=at))
        recorded = anyio.run(lambda: diagnose_snapshot(installation, DEMO))

    assert observed(live) == observed(recorded)
    assert len(observed(live)) > 10
    assert {gap.agent for gap in live.seen.gaps}.isdisjoint({"prometheus", "alertmanager", "loki"})
    first, same = live.report.hypotheses[0], recorded.report.hypotheses[0]
    assert (first.cause, first.component) == (same.cause, same.component)
