"""What is written is read back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import anyio
import msgspec
import numpy as np

from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.plugins.sources.ports import Alert, Series
from sre_orchestrator.plugins.sources.snapshot import open_snapshot
from sre_orchestrator.plugins.sources.snapshot.formats import alerts_json, info_yaml, metrics_text
from sre_orchestrator.plugins.sources.snapshot.openmetrics import read_series
from sre_orchestrator.plugins.sources.snapshot.source import Declared, SnapshotInfo

AT = datetime(2026, 3, 12, 14, 20, tzinfo=UTC)


def test_series_are_read_back_as_they_were(tmp_path: Path) -> None:
    times = np.array([1773324000.0, 1773324060.25])
    odd = 'a "quoted" \\ path\nline'
    series = (
        Series(name="up", labels={}, times=times, values=np.array([1.0, float("nan")])),
        Series(
            name="used_bytes",
            labels={"pod": "a", "text": odd},
            times=times,
            values=np.array([0.1, np.inf]),
            unit="bytes",
        ),
        Series(name="used_bytes", labels={"pod": "b"}, times=times[:0], values=times[:0], unit="bytes"),
    )
    path = tmp_path / "metrics.om"

    path.write_bytes(b"".join(metrics_text(series)))

    read, gaps = read_series(path)
    assert gaps == ()
    assert [(one.name, one.labels, one.unit) for one in read] == [
        ("up", {}, ""),
        ("used_bytes", {"pod": "a", "text": odd}, "bytes"),
    ]
    np.testing.assert_array_equal(read[1].times, times)
    np.testing.assert_array_equal(read[1].values, series[1].values)


def test_alerts_are_read_back_without_secrets(tmp_path: Path) -> None:
    alert = Alert(
        labels={"alertname": "TooSlow"},
        annotations={"summary": "slow", "login": "password=hunter2"},
        starts_at=AT,
        state="suppressed",
        generator_url="http://prom/graph",
    )
    (tmp_path / "alertmanager").mkdir()
    (tmp_path / "snapshot.yaml").write_text("{}")

    (tmp_path / "alertmanager" / "alerts.json").write_bytes(alerts_json([alert]))

    with open_snapshot(tmp_path, SnapshotLimits()) as snapshot:
        [read] = anyio.run(snapshot.alerts)
    assert read == msgspec.structs.replace(alert, annotations={"summary": "slow", "login": "password=***"})


def test_what_a_snapshot_says_of_itself_is_read_back(tmp_path: Path) -> None:
    info = SnapshotInfo(
        source="a test", captured_at=AT, namespaces=("shop",), question="why?", coverage=Declared(metrics=False)
    )

    (tmp_path / "snapshot.yaml").write_bytes(info_yaml(info))

    with open_snapshot(tmp_path, SnapshotLimits()) as snapshot:
        assert snapshot.info == info
