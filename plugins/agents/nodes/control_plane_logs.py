"""What etcd and the API server say where they run as pods; as units their journals are read like those of all units."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from sre_orchestrator.core.models import Coverage, Fact
from sre_orchestrator.plugins.agents.logs.times import stamp_in
from sre_orchestrator.plugins.agents.nodes.control_plane import role_of
from sre_orchestrator.plugins.agents.nodes.view import View, node_id
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.sources.ports import LogStream, PodLogs

NEWEST_BYTES = 256 * 1024
MAX_LINE, MAX_SAMPLE = 2000, 300
# etcd compacts every five minutes and says so: what still holds was said since about then.
LATEST = timedelta(minutes=5)
CONTAINERS = {"etcd": "etcd", "api-server": "kube-apiserver"}
CLASSES = {
    "etcd": (
        ("out-of-space", re.compile(r"database space exceeded|NOSPACE|no space left on device")),
        ("no-leader", re.compile(r"lost leader|no leader\b|leader changed")),
        (
            "slow",
            re.compile(r"apply request took too long|slow fdatasync|failed to send out heartbeat on time|ReadIndex"),
        ),
    ),
    "api-server": (
        (
            "etcd-fails",
            re.compile(r"etcdserver: (?:request timed out|leader changed|no leader|mvcc: database space exceeded)"),
        ),
        ("too-late", re.compile(r"http: Handler timeout|Post-timeout activity|Timeout or abort while handling")),
    ),
}


def control_plane_logs(view: View, logs: PodLogs) -> Iterator[Fact | Coverage]:
    """Yield each class of line that their logs show within the window, and in how many of its minutes; nodes that were read."""
    read = set()
    for pod in view.pods:
        role = role_of(pod)
        if role not in CONTAINERS or not pod.spec.node_name:
            continue
        stream = LogStream(namespace=pod.metadata.namespace, pod=pod.metadata.name, container=CONTAINERS[role])
        said = list(_dated(view, logs.lines(stream, newest_bytes=NEWEST_BYTES)))
        if said:
            read.add(node_id(pod.spec.node_name))
        yield from _facts(view, pod, role, said)
    for node in sorted(read):
        yield Coverage(kind="control_plane.log", scope=node)


def _dated(view: View, lines: Iterable[str]) -> Iterator[tuple[datetime, str]]:
    for line in lines:
        stamp = stamp_in(line, view.scope.until)
        if stamp and view.recent(stamp.at):
            yield stamp.at, line[:MAX_LINE]


def _facts(view: View, pod: Pod, role: str, said: list[tuple[datetime, str]]) -> Iterator[Fact]:
    newest = max((at for at, _ in said), default=view.scope.until)
    found: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for at, text in said:
        name = next((name for name, pattern in CLASSES[role] if pattern.search(text)), "")
        found[name].append((at, text))
    for name, dated in sorted(found.items()):
        if name:
            at, sample = max(dated)
            yield view.observe(
                "control_plane.log",
                node_id(pod.spec.node_name),
                query=f"kubectl logs -n {pod.metadata.namespace} {pod.metadata.name} -c {CONTAINERS[role]}",
                at=at,
                role=role,
                name=pod.metadata.name,
                **{"class": name},
                minutes=len({one.replace(second=0, microsecond=0) for one, _ in dated}),
                latest=newest - at <= LATEST,
                sample=sample[:MAX_SAMPLE],
            )
