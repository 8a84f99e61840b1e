"""The auth agent on the clocks of nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import look
from shop import node, thing

from sre_orchestrator.plugins.agents.auth import AuthAgent


def lease(name: str, at: str, namespace: str = "kube-node-lease") -> dict[str, Any]:
    return thing("Lease", name, namespace=namespace, spec={"renewTime": f"2030-05-01T{at}.000000Z"})


def offsets(tmp_path: Path, *times: str, unready: str = "") -> dict[str, float]:
    """Return the offsets of nodes whose leases have these times, node-a first."""
    names = [f"node-{letter}" for letter in "abcdef"][: len(times)]
    nodes = [node(name, ready=name != unready) for name in names]
    leases = [lease(name, at) for name, at in zip(names, times, strict=True)]

    seen = look(AuthAgent(), tmp_path, *nodes, *leases, lease("scheduler", "09:00:00", "kube-system"))

    return {one.component: float(one.attributes["offset_seconds"]) for one in seen.of("clock.offset")}


@pytest.mark.parametrize(
    ("times", "found"),
    [
        (("12:00:00", "12:00:04", "11:59:58", "12:09:58"), {"node/node-d": 594.0}),
        (("12:00:00", "12:00:00", "11:50:00"), {"node/node-c": -600.0}),
        (("12:00:00", "12:00:09", "11:59:50"), {}),
        (("12:00:00", "12:00:00", "11:58:30"), {}),
        (("12:00:00", "12:20:00"), {}),
        ((), {}),
    ],
)
def test_a_clock_is_compared_with_the_middle_of_the_others(
    tmp_path: Path, times: tuple[str, ...], found: dict[str, float]
) -> None:
    assert offsets(tmp_path, *times) == found


def test_a_node_that_is_not_ready_may_be_silent_for_another_reason(tmp_path: Path) -> None:
    assert offsets(tmp_path, "12:00:00", "12:00:00", "12:00:01", "11:20:00", unready="node-d") == {}
