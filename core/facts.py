"""How an agent makes a fact: stable id, secrets removed."""

from __future__ import annotations

import hashlib
import math
from datetime import datetime

import msgspec

from sre_orchestrator.core.models import Fact, Scalar
from sre_orchestrator.core.redact import without_secrets

_ENCODER = msgspec.json.Encoder(order="sorted")


def fact_id(cluster: str, kind: str, component: str, attributes: dict[str, Scalar]) -> str:
    """Return the id of an observation: equal for the same observation, whoever makes it and when.

    >>> fact_id("", "pod.phase", "pod/shop/web-1", {"phase": "Pending"})
    'f29c2389e6008'
    """
    text = _ENCODER.encode([cluster, kind, component, attributes])
    return "f" + hashlib.blake2b(text, digest_size=6).hexdigest()


class Observer:
    """Makes the facts of one agent in one cluster.

    ``observe(kind, component, query=…, at=…, reason="OOMKilled", …)``; attributes that are
    ``None`` are left out, so an optional field needs no ``if`` in the agent. So are ``nan`` and
    ``inf``, which compare with nothing and have no JSON.
    """

    def __init__(self, agent: str, cluster: str = "") -> None:
        self.agent = agent
        self.cluster = cluster

    def __call__(
        self,
        kind: str,
        component: str,
        *,
        query: str = "",
        at: datetime | None = None,
        **attributes: Scalar | None,
    ) -> Fact:
        """Return the fact; string attributes have secrets removed."""
        kept: dict[str, Scalar] = {
            name: without_secrets(value) if isinstance(value, str) else value
            for name, value in attributes.items()
            if value is not None and not (isinstance(value, float) and not math.isfinite(value))
        }
        return Fact(
            id=fact_id(self.cluster, kind, component, kept),
            kind=kind,
            component=component,
            attributes=kept,
            observed_at=at,
            agent=self.agent,
            query=query,
            cluster=self.cluster,
        )
