"""Writes what other sources gave in the forms of a snapshot: series, alerts, probes, what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from sre_orchestrator.plugins.sources.ports import Alert, Series
from sre_orchestrator.plugins.sources.snapshot.redaction import redacted_text
from sre_orchestrator.plugins.sources.snapshot.source import SnapshotInfo

_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def metrics_text(series: Sequence[Series]) -> Iterator[bytes]:
    """Yield the lines of ``prometheus/metrics.om``: OpenMetrics, each sample with its time."""
    units: set[str] = set()
    for one in series:
        if one.unit and one.name not in units:
            units.add(one.name)
            yield f"# UNIT {one.name} {one.unit}\n".encode()
        labels = ",".join(f'{key}="{value.translate(_ESCAPED)}"' for key, value in sorted(one.labels.items()))
        identity = f"{one.name}{{{labels}}}" if labels else one.name
        for at, value in zip(one.times.tolist(), one.values.tolist(), strict=True):
            yield f"{identity} {value!r} {at!r}\n".encode()
    yield b"# EOF\n"


def alerts_json(alerts: Sequence[Alert]) -> bytes:
    """Return ``alertmanager/alerts.json``: the answer of Alertmanager's v2 API, annotations without secrets."""
    return _indented(
        [
            {
                "labels": one.labels,
                "annotations": {key: redacted_text(value) for key, value in one.annotations.items()},
                "startsAt": one.starts_at,
                "endsAt": one.ends_at,
                "generatorURL": one.generator_url,
                "status": {"state": one.state},
            }
            for one in alerts
        ]
    )


def info_yaml(info: SnapshotInfo) -> bytes:
    """Return ``snapshot.yaml``; what is as by default is left out. JSON is YAML."""
    return _indented(msgspec.to_builtins(info))


def _indented(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
