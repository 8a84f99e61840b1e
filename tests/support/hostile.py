"""Texts that somebody may plant where a model reads them (``hostile.yaml``), and where to plant them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
from clusters import Cluster, shop
from faults import FAULTS, LAST, SINCE
from shop import NAMESPACE, event, patch

SENTENCE = re.compile(r"(?<=[.!?。])\s+|\n+")
HARMLESS = "retry three of five"


class Hostile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text, where such a one is met, and what a model would say that obeys it."""

    place: str
    text: str
    advice: str = ""
    times: int = 1

    def whole(self) -> str:
        """Return the text as it is planted."""
        return self.text * self.times

    def sentences(self) -> tuple[str, ...]:
        """Return what a model would say that obeys: the whole, and each sentence of it."""
        said = self.advice or self.text
        return tuple(dict.fromkeys(one for one in (said, *SENTENCE.split(said)) if one.strip()))


def corpus() -> dict[str, tuple[Hostile, ...]]:
    """Return the texts by class."""
    path = Path(__file__).with_name("hostile.yaml")
    return msgspec.yaml.decode(path.read_bytes(), type=dict[str, tuple[Hostile, ...]])


def planted(fault: str, texts: Sequence[str]) -> Cluster:
    """Return the shop with ``fault``, and ``texts`` in its logs, events, annotations, environment and alerts.

    In logs and events they follow what a rule listens to, so that they come into facts, and what is said of them.
    """
    cluster = shop()
    if fault:
        FAULTS[fault](cluster)
    for number, text in enumerate(texts):
        _plant(cluster, number, text)
    return cluster


def _plant(cluster: Cluster, number: int, text: str) -> None:
    at = f"2030-05-01T11:{46 + number % 12}:1{number % 9}Z"
    for name in list(cluster.pods_of("web")):
        key = f"{NAMESPACE}/{name}/web"
        cluster.logs[key] = cluster.logs.get(key, "") + (
            f"{at} ERROR call failed: dial tcp: cart:7070: connection refused: {text}\n{at} WARN {text}\n{text}\n"
        )
    for name in list(cluster.pods_of("cart")):
        said = event(
            "Unhealthy", f"Readiness probe failed: {text}", about=("Pod", name), first=SINCE, last=LAST, count=9
        )
        warned = event("FailedSync", text, about=("Pod", name), first=SINCE, last=LAST)
        for place, one in (("probe", said), ("sync", warned)):
            cluster.add(patch(one, metadata={"name": f"{name}.{place}{number}"}))
    for kind, name in [("Deployment", "cart"), *(("Pod", one) for one in cluster.pods_of("cart"))]:
        cluster.edit(kind, name, metadata={"annotations": {f"note.example/{number}": text}})
    cluster.alerts.append(
        {
            "labels": {"alertname": "ErrorsOfWeb", "namespace": NAMESPACE, "deployment": "web", "number": str(number)},
            "annotations": {"summary": text, "description": text, "runbook_url": text},
            "state": "firing",
            "activeAt": SINCE,
            "startsAt": SINCE,
        }
    )
