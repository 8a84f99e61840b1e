"""Parses what the scheduler says about a pod that it cannot place, clause by clause, in the words of every version."""

from __future__ import annotations

import re

from sre_orchestrator.core.models import Struct

_HEAD = re.compile(r"^.*?\b\d+/(?P<total>\d+) nodes? (?:are|is) available:?\s*(?P<rest>.*)$", re.DOTALL)
_PREEMPTION = re.compile(r"[.,;]?\s*(?:no new claims to deallocate\s*,?\s*)?preemption:.*$", re.DOTALL)
_NEXT = re.compile(r"[,.]\s+(?=\d+ )")
_COUNTED = re.compile(r"^(?P<nodes>\d+) (?P<text>.+)$", re.DOTALL)
_OLD_HEAD = re.compile(
    r"^No nodes are available that match all of the (?:following )?predicates:+\s*(?P<rest>.*)$", re.S
)
_OLD = re.compile(r"(?P<text>[^(),][^(),]*?) \((?P<nodes>\d+)\)")
_IGNORED = re.compile(r"^skip schedule deleting pod|^$")
_REASONS = tuple(
    (reason, re.compile(pattern, re.IGNORECASE))
    for reason, pattern in (
        ("insufficient-cpu", r"Insufficient cpu\b"),
        ("insufficient-memory", r"Insufficient memory\b"),
        ("insufficient-ephemeral-storage", r"Insufficient ephemeral-storage\b"),
        ("too-many-pods", r"Too many pods|Insufficient pods\b"),
        ("insufficient-extended", r"Insufficient (?P<detail>\S+)"),
        ("taint", r"\btaints? \{(?P<detail>[^}]*)\}|\btaint(?:s|\(s\))?\b|PodToleratesNodeTaints"),
        ("unschedulable", r"(?:was|were) unschedulable|NodeUnschedulable"),
        ("claim-not-found", r'persistentvolumeclaim "(?P<detail>[^"]+)" not found'),
        ("claim-lost", r'persistentvolumeclaim "(?P<detail>[^"]+)" bound to non-existent|bound to non-existent pv'),
        ("unbound-claim", r"unbound (?:immediate )?PersistentVolumeClaim"),
        ("volume-node-affinity", r"volume node affinity|PersistentVolume's node affinity|volume zone"),
        ("volume-limit", r"max volume count|volume limit"),
        ("pod-anti-affinity", r"anti-affinity"),
        ("pod-affinity", r"pod affinity"),
        ("topology-spread", r"topology spread"),
        ("selector-or-affinity", r"node (?:affinity|selector)|MatchNodeSelector"),
        ("port-conflict", r"free ports|HostPorts"),
        ("volume-other", r"persistent ?volume|free storage|available disk|ReadWriteOncePod|\bvolumes?\b"),
    )
)


class Clause(Struct, frozen=True, kw_only=True):
    """One clause: a reason of the vocabulary, how many nodes it counts (0: all of them at once), what it names."""

    reason: str
    nodes: int = 0
    detail: str = ""
    text: str


class Refusal(Struct, frozen=True, kw_only=True):
    """A parsed message; ``total`` is the number of nodes that the scheduler knows, 0 when it does not say."""

    total: int = 0
    clauses: tuple[Clause, ...] = ()


def read_message(message: str) -> Refusal:
    """Return the clauses of a FailedScheduling message or of a PodScheduled condition.

    >>> read_message("0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu.").clauses[1].nodes
    2
    """
    message = message.strip()
    if _IGNORED.match(message):
        return Refusal()
    if old := _OLD_HEAD.match(message):
        return Refusal(clauses=tuple(_clause(one["text"], int(one["nodes"])) for one in _OLD.finditer(old["rest"])))
    head = _HEAD.match(message)
    rest = _PREEMPTION.sub("", head["rest"] if head else message).strip().rstrip(".")
    return Refusal(
        total=int(head["total"]) if head else 0,
        clauses=tuple(_counted(text) for text in _NEXT.split(rest) if text.strip()),
    )


def _counted(text: str) -> Clause:
    counted = _COUNTED.match(text.strip())
    return _clause(counted["text"], int(counted["nodes"])) if counted else _clause(text)


def _clause(text: str, nodes: int = 0) -> Clause:
    text = text.strip()
    for reason, pattern in _REASONS:
        if match := pattern.search(text):
            detail = match.groupdict().get("detail") or ""
            return Clause(reason=reason, nodes=nodes, detail=_taint(detail) if reason == "taint" else detail, text=text)
    return Clause(reason="other", nodes=nodes, text=text)


def _taint(detail: str) -> str:
    """Return ``key=value`` (or ``key``) of ``key: value``, as kubectl writes taints."""
    key, _, value = detail.partition(":")
    return f"{key.strip()}={value.strip()}" if value.strip() else key.strip()
