"""Relations of the twin that objects show."""

from __future__ import annotations

from pathlib import Path

import anyio
from shop import deployment, thing, write_snapshot

from sre_orchestrator.core.models import Edge
from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.plugins.sources.snapshot import open_snapshot


def edges(path: Path) -> set[tuple[str, str, str]]:
    async def read() -> set[tuple[str, str, str]]:
        with open_snapshot(path, SnapshotLimits()) as source:
            return {(one.source, one.kind, one.target) async for one in source.sync() if isinstance(one, Edge)}

    return anyio.run(read)


def test_a_network_policy_limits_the_workloads_that_it_selects(tmp_path: Path) -> None:
    policy = thing("NetworkPolicy", "cart", spec={"podSelector": {"matchLabels": {"app": "cart"}}})
    path = write_snapshot(
        tmp_path,
        policy,
        deployment("cart"),
        deployment("web"),
        deployment("cart", namespace="other", labels={"app": "cart"}),
    )

    assert {one for one in edges(path) if one[1] == "limits"} == {
        ("networkpolicy/shop/cart", "limits", "deployment/shop/cart")
    }
