"""The tails of units' journals, sorted into classes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.nodes.units import role
from sre_orchestrator.plugins.agents.nodes.view import View, node_id
from sre_orchestrator.plugins.sources.ports import Unit

RUNTIME_UNREACHABLE = re.compile(
    r"container runtime is down|(?:dial )?unix (?:///?)?\S*(?:containerd|crio|cri-o|docker|dockershim|cri-dockerd|isulad)\S*\.sock"
    r"|cannot connect to the docker daemon|(?:containerd|crio|dockershim)\.sock: connect",
    re.IGNORECASE,
)
PLEG = re.compile(r"PLEG is not healthy|GenericPLEG: Unable to retrieve pods", re.IGNORECASE)
CLASSES = (
    ("runtime-unreachable", RUNTIME_UNREACHABLE),
    ("pleg", PLEG),
    (
        "certificate",
        re.compile(
            r"x509: certificate|certificate (?:has )?expired|part of the existing bootstrap client certificate",
            re.IGNORECASE,
        ),
    ),
    (
        "api-unreachable",
        re.compile(
            r"(?:dial tcp \S+:(?:6443|443|8443|16443): .*(?:refused|timeout|no route|unreachable))"
            r"|failed to (?:ensure lease|update lease|update node lease)|unable to update node status|Unable to register node with API server"
            r"|error retrieving resource lock|connection to the server \S+ was refused",
            re.IGNORECASE,
        ),
    ),
    ("disk-full", re.compile(r"no space left on device|mvcc: database space exceeded", re.IGNORECASE)),
    ("out-of-memory", re.compile(r"oom-kill|out of memory: kill|status=9/KILL", re.IGNORECASE)),
    (
        "etcd-slow",
        re.compile(
            r"apply request took too long|slow fdatasync|overloaded likely from slow disk|failed to send out heartbeat on time"
            r"|took too long \(\S+\) to execute|waiting for ReadIndex response took too long",
            re.IGNORECASE,
        ),
    ),
    ("leader-lost", re.compile(r"leaderelection lost|lost leader|failed to renew lease|no leader", re.IGNORECASE)),
    ("clock", re.compile(r"clock (?:difference|skew|drift)|clock is unsynchronized|system clock wrong", re.IGNORECASE)),
    (
        "configuration",
        re.compile(
            r"unknown flag|failed to load (?:kubelet )?config|failed to (?:parse|validate) .*config|running with swap on is not supported"
            r"|misconfiguration: kubelet cgroup driver|invalid configuration",
            re.IGNORECASE,
        ),
    ),
    ("crash", re.compile(r"^panic:|: panic:|fatal error:|status=\d+/(?:ABRT|SEGV)|Failed with result", re.IGNORECASE)),
)
_STAMP = re.compile(r"^([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (.*)$")
# The kubelet asks the runtime at least every ten seconds (syncFrequency and the relist of pods), so
# what still holds was said within its last minute.
LATEST = timedelta(minutes=1)


def journals(view: View) -> Iterator[Fact]:
    """Yield each class of line that a unit's journal shows within the window, dated by its newest line."""
    for unit in view.units:
        offset = _offset(view, unit)
        dated = [] if offset is None else [(at, text) for line in unit.lines for at, text in _dated(line, view, offset)]
        within = [(at, text) for at, text in dated if view.recent(at)]
        if not within:
            continue
        last = max(at for at, _ in within)
        found: dict[str, tuple[datetime, str]] = {}
        for at, text in within:
            name = next((name for name, pattern in CLASSES if pattern.search(text)), "")
            if name:
                found[name] = max((at, text), found.get(name, (at, text)))
        for name, (at, text) in sorted(found.items()):
            yield view.observe(
                "unit.log",
                node_id(unit.node),
                query=f"journalctl -u {unit.name}  # on node {unit.node}",
                at=at,
                unit=role(unit.name),
                **{"class": name},
                latest=last - at <= LATEST,
                sample=text[:300],
            )


def _offset(view: View, unit: Unit) -> int | None:
    """Return the offset of the node's clock from UTC in minutes, from its units, else from any node's."""
    known = [one for one in view.units if one.utc_offset_minutes is not None]
    same = [one for one in known if one.node == unit.node]
    return next((one.utc_offset_minutes for one in (*same, *known)), None)


def _dated(line: str, view: View, offset: int) -> Iterator[tuple[datetime, str]]:
    """Yield the line's moment and text; a journal leaves out the year."""
    match = _STAMP.match(line)
    if not match:
        return
    until = view.scope.until
    for year in (until.year, until.year - 1):
        try:
            at = datetime.strptime(f"{year} {match[1]}", "%Y %b %d %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            continue
        at -= timedelta(minutes=offset)
        if at <= until + timedelta(days=1):
            yield at, match[2]
            return
