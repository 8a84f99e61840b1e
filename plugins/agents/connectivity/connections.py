"""Looks at the TCP connections that were tried from inside the cluster."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.sources.ports import TcpProbe

_FAILURES = (
    ("unresolved", r"no such host|bad address|name or service not known|name does not resolve|could not resolve|"
                   r"nxdomain|temporary failure in name resolution|server misbehaving"),
    ("refused", r"refused"),
    ("reset", r"reset by peer|connection reset"),
    ("no-route", r"no route to host|network (?:is )?unreachable|host (?:is )?unreachable"),
    ("timeout", r"time[d ]*[- ]?out|deadline exceeded|terminated|punt!"),
)  # fmt: skip
_COMPILED = tuple((failure, re.compile(pattern, re.IGNORECASE)) for failure, pattern in _FAILURES)
_REACHED = re.compile(r"\b(?:open|succeeded|connected(?: to)?)\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One probe as tried from one node (``""`` when the output does not say)."""

    probe: TcpProbe
    node: str
    reachable: bool
    failure: str


def look_at_connections(observe: Observer, probes: Sequence[TcpProbe], nodes: frozenset[str]) -> Iterator[Fact]:
    """Yield each probe's outcome, the failures that a caller meets, and how the nodes compare."""
    attempts = [one for probe in probes for one in attempts_of(probe, nodes)]
    for probe in probes:
        tries = [one for one in attempts if one.probe is probe]
        reachable = probe.reachable or any(one.reachable for one in tries)
        failure = "none" if reachable else _most(one.failure for one in tries)
        component = component_id("service", probe.namespace, probe.service)
        query = (
            f"kubectl run probe --rm -it --image=busybox -n {probe.namespace} -- nc -zv {probe.service} {probe.port}"
        )
        yield observe(
            "connection.probed",
            component,
            query=query,
            port=probe.port,
            failure=failure,
            reachable=reachable,
            output=" ".join(probe.output.split())[:200],
        )
        if not reachable:
            yield observe("connection.failed", component, query=query, port=probe.port, failure=failure)
    yield from _by_node([one for one in attempts if one.node], observe)


def failure_of(output: str) -> str:
    """Return the class of a failed attempt.

    >>> failure_of("nc: bad address 'cart'"), failure_of("dial tcp 10.0.0.1:80: i/o timeout"), failure_of("failed")
    ('unresolved', 'timeout', 'other')
    """
    return next((failure for failure, pattern in _COMPILED if pattern.search(output)), "other")


def attempts_of(probe: TcpProbe, nodes: frozenset[str]) -> tuple[Attempt, ...]:
    """Return the attempts that a probe's output tells of: one for each node that it names, else one in all."""
    parts = _by_named_node(probe.output, nodes)
    if not parts:
        failure = "none" if probe.reachable else failure_of(probe.output)
        return (Attempt(probe=probe, node="", reachable=probe.reachable, failure=failure),)
    return tuple(
        Attempt(
            probe=probe,
            node=node,
            reachable=_reached(text),
            failure="none" if _reached(text) else failure_of(text),
        )
        for node, text in parts.items()
    )


def _by_named_node(output: str, nodes: Iterable[str]) -> Mapping[str, str]:
    """Split an output at ``… on NODE:``; what stands before the first is a heading."""
    names = "|".join(re.escape(name) for name in sorted(nodes, key=len, reverse=True))
    if not names:
        return {}
    pieces = re.split(rf"\b(?:on|from|at|node)\s+(?:node[ /])?({names})\s*:", output)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def _reached(text: str) -> bool:
    return bool(_REACHED.search(text)) and "fail" not in text.lower()


def _most(failures: Iterable[str]) -> str:
    counted: dict[str, int] = {}
    for one in failures:
        counted[one] = counted.get(one, 0) + 1
    return max(sorted(counted), key=lambda one: (counted[one], one != "other"))


def _by_node(attempts: Sequence[Attempt], observe: Observer) -> Iterator[Fact]:
    """Yield how many service ports each node could not reach, beside the other nodes: its own proxying, or theirs."""
    for node in sorted({one.node for one in attempts}):
        here = [one for one in attempts if one.node == node]
        elsewhere = [one for one in attempts if one.node != node]
        failed = [one for one in here if not one.reachable]
        lost = [one for one in failed if any(other.reachable for other in elsewhere if other.probe is one.probe)]
        if lost:
            yield observe(
                "connection.lost_from_node",
                component_id("node", None, node),
                query="kubectl debug node/" + node + " -it --image=busybox -- nc -zv SERVICE_IP PORT",
                failed=len(failed),
                probed=len(here),
                only_here=len(lost),
                elsewhere_failed=sum(not one.reachable for one in elsewhere),
                elsewhere_probed=len(elsewhere),
                failure=_most(one.failure for one in failed),
            )
