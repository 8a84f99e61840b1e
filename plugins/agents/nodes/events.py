"""Events about nodes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.nodes.logs import PLEG, RUNTIME_UNREACHABLE
from sre_orchestrator.plugins.agents.nodes.view import View, node_id
from sre_orchestrator.plugins.agents.reading import kubectl_events
from sre_orchestrator.plugins.objects.events import Event

USUAL = re.compile(
    r"^(?:Starting|Registered\w*|NodeReady|NodeHas(?:Sufficient|No)\w+|NodeAllocatableEnforced|NodeSchedulable|Synced"
    r"|InvalidDiskCapacity|CIDRAssignment\w*|Created|Updated|KubeletStart|NodePasswordValidationComplete|NodeNotSchedulable"
    r"|NodeNotReady)$"
)
BY_TEXT = (("runtime-unreachable", RUNTIME_UNREACHABLE), ("pleg", PLEG))
# Reasons of the kubelet, the node controllers, node-problem-detector, the cluster autoscaler and Karpenter.
BY_REASON = (
    ("rebooted", re.compile(r"^(?:Rebooted|NodeRebooted)$")),
    (
        "leaving",
        re.compile(
            r"^(?:RemovingNode|DeletingNode|DeletingAllPods|TerminatingEvictedPod|ScaleDown\w*|Disruption(?:Terminating|Launching)"
            r"|NodeShutdown|NodeTerminat\w+|SpotInterrupted\w*|Preempt\w*|Drain\w*|Cordon\w*|TerminatingOnInterruption)$"
        ),
    ),
    (
        "evicting",
        re.compile(
            r"^(?:EvictionThresholdMet|NodeHas(?:Disk|Memory|Insufficient)\w+|FreeDiskSpaceFailed|ImageGCFailed)$"
        ),
    ),
    ("out-of-memory", re.compile(r"^(?:SystemOOM|OOMKilling)$")),
    (
        "disk",
        re.compile(r"^(?:ReadonlyFilesystem|FilesystemIsReadOnly|Ext4Error|IOError|DiskBadBlock|CorruptDocker\w+)$"),
    ),
    ("kernel", re.compile(r"^(?:TaskHung|Kernel\w+|UnregisterNetDevice|Memory(?:ReadError|CE)|DockerHung)$")),
    ("network", re.compile(r"^(?:NetworkUnavailable|NodeNetworkNotReady|Conntrack\w*|InterfaceDown|FlannelDown)$")),
)


def events(view: View) -> Iterator[Fact]:
    """Yield the unusual events about present nodes within the window, and whether one node is alone with them."""
    nodes = [node for node in view.nodes if node.metadata.name]
    # Of a node, reporters write its name or its real uid into involvedObject.uid: the name decides.
    about = [event for event in view.events if event.about.kind == "Node" and not USUAL.match(event.reason)]
    names = {node.metadata.name for node in nodes}
    found = [event for event in about if event.about.name in names and view.recent(event.last)]
    classes = [_class(event) for event in found]
    seen_on: dict[str, set[str]] = defaultdict(set)
    for event, mine in zip(found, classes, strict=True):
        seen_on[mine].add(event.about.name)
    for event, mine in zip(found, classes, strict=True):
        yield view.observe(
            "node.event",
            node_id(event.about.name),
            query=kubectl_events("node", "", event.about.name),
            at=event.last,
            reason=event.reason,
            **{"class": mine},
            message=event.text,
            count=event.times,
            alone=len(seen_on[mine]) == 1,
        )


def _class(event: Event) -> str:
    by_text = next((name for name, pattern in BY_TEXT if pattern.search(event.text)), "")
    return by_text or next((name for name, pattern in BY_REASON if pattern.match(event.reason)), "other")
