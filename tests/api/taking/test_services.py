"""Recording from real services: Prometheus, and Alertmanager's answers."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import msgspec
from demo import FOLDER
from http_services import answering, said
from metric_servers import prometheus

from sre_orchestrator.api.live import attached
from sre_orchestrator.api.parts import Unwatched
from sre_orchestrator.api.taking import Wanted, take
from sre_orchestrator.api.wire import serving, write_kubeconfig
from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.settings import ClusterAccess, Endpoint, Settings, SnapshotLimits
from sre_orchestrator.plugins.sources.snapshot import open_snapshot
from sre_orchestrator.plugins.sources.snapshot.recording import Terms, open_recording


def observed(bundle: Bundle) -> dict[str, object]:
    """Return the facts from metrics and alerts, without how to see them."""
    agents = {"metrics", "alerts", "user-flow"}
    return {one.id: msgspec.structs.replace(one, query="") for one in bundle.seen.facts if one.agent in agents}


def test_metrics_and_alerts_are_recorded_as_their_services_have_them(tmp_path: Path) -> None:
    metrics = (FOLDER / "prometheus" / "metrics.om").read_text()
    alerts = said(json.loads((FOLDER / "alertmanager" / "alerts.json").read_text()))
    status = said({"versionInfo": {"version": "0.27.0"}})
    place = tmp_path / "taken"
    with (
        open_snapshot(FOLDER, SnapshotLimits()) as demo,
        serving(demo) as url,
        prometheus(tmp_path, metrics) as measuring,
        answering({"/api/v2/alerts": alerts, "/api/v2/status": status}) as managing,
    ):
        settings = Settings(
            state_dir=str(tmp_path / "state"),
            namespace="shop",
            cluster=ClusterAccess(kubeconfig=str(write_kubeconfig(tmp_path / "kubeconfig", url))),
            prometheus=Endpoint(url=measuring),
            alertmanager=Endpoint(url=managing.address),
        )
        installation = Installation(settings)
        with attached(installation, settings) as (cluster, sources):
            recording = open_recording(place, Terms(server="test"), demo.captured_at)
            take(cluster, sources, recording, Wanted(namespaces=("shop",), question=demo.info.question), Unwatched())
        before = anyio.run(lambda: diagnose_snapshot(installation, FOLDER))

    after = anyio.run(lambda: diagnose_snapshot(installation, place))

    assert observed(after) == observed(before)
    assert len(observed(after)) > 10
    first, same = after.report.hypotheses[0], before.report.hypotheses[0]
    assert (first.cause, first.component) == (same.cause, same.component)
