"""Looks at pods between scheduled and running: images, references, mounts, sandboxes, container starts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.hookspecs import Agent, Sources, hookimpl
from sre_orchestrator.core.models import Coverage, Fact, Gap, Scope
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.agents.reading import covered, current, in_scope
from sre_orchestrator.plugins.agents.startup.mounts import mounted, mounts
from sre_orchestrator.plugins.agents.startup.pulls import pulls
from sre_orchestrator.plugins.agents.startup.references import unresolved
from sre_orchestrator.plugins.agents.startup.starts import inits, sandboxes, starts
from sre_orchestrator.plugins.agents.startup.view import View, is_unready
from sre_orchestrator.plugins.objects.config import ConfigMap, Secret
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.workloads import ReplicaSet
from sre_orchestrator.plugins.sources.ports import ClusterObjects

LONG_AGO = datetime.min.replace(tzinfo=UTC)


class StartupAgent:
    """What keeps scheduled pods from running, from the kubelet's words and the pods' own references."""

    name = "startup"
    description = "image pulls, missing Secrets and ConfigMaps, volume mounts, sandboxes, commands, init containers"
    examples = (
        "image pull fails: wrong tag, no such image or no access to the registry",
        "a pod hangs while its container is created: a Secret or ConfigMap, or a key of it, is missing",
        "a volume cannot be mounted, an init container never ends, the command does not exist",
    )
    kinds = frozenset(
        {
            "image.pull_failed",
            "pull_secret",
            "reference.unresolved",
            "mount.failed",
            "volume.mounted",
            "sandbox.failed",
            "container.start_failed",
            "init.running",
        }
    )

    async def gather(self, scope: Scope, sources: Sources) -> AsyncIterator[Fact | Coverage | Gap]:
        """Yield what the unready pods of ``scope`` wait for; specs are covered where pods could be read, events likewise."""
        cluster = sources.need(ClusterObjects)  # type: ignore[type-abstract]  # a port is asked for by its protocol
        pods, events = await cluster.list(Pod), await cluster.list(Event)
        here = in_scope(pods.items, scope)
        unready = [pod for pod in here if is_unready(pod)]
        view = View(
            observe=Observer(self.name, sources.cluster),
            scope=scope,
            pods=here,
            unready=unready,
            events=_by_pod(current(_of_pods(events.items), unready, scope)),
            secrets=await cluster.list(Secret),
            config_maps=await cluster.list(ConfigMap),
            replica_sets=(await cluster.list(ReplicaSet)).items,
        )
        for read in (pulls, unresolved, mounts, mounted, sandboxes, starts, inits):
            for fact in read(view):
                yield fact
        for coverage in covered(("volume.mounted", "init.running", "pull_secret"), pods):
            yield coverage
        told = ("image.pull_failed", "mount.failed", "sandbox.failed", "container.start_failed")
        for coverage in covered(told, pods, events):
            yield coverage


def _of_pods(events: Iterable[Event]) -> Iterable[Event]:
    return (event for event in events if event.about.kind in {"", "Pod"})


def _by_pod(events: Iterable[Event]) -> dict[tuple[str, str], Sequence[Event]]:
    """Return the events by (namespace, pod), latest first."""
    found: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in sorted(events, key=lambda one: one.last or LONG_AGO, reverse=True):
        found[event.about.namespace, event.about.name].append(event)
    return dict(found)


@hookimpl
def register_agents(settings: Settings) -> Sequence[Agent]:
    """Provide the startup agent."""
    del settings
    return [StartupAgent()]
