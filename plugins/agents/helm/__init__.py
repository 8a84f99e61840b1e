"""The helm agent: revisions of releases and their states, changed values, hooks, and drift of live objects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.hookspecs import Agent, Sources, hookimpl
from sre_orchestrator.core.models import Coverage, Fact, Gap, Scope
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.agents.helm.objects import change_facts, drift_facts
from sre_orchestrator.plugins.agents.helm.revisions import (
    failed_facts,
    hook_facts,
    pending_facts,
    revision_facts,
    value_facts,
)
from sre_orchestrator.plugins.agents.helm.view import View, read_view
from sre_orchestrator.plugins.sources.ports import ClusterObjects, ReleaseHistory, Releases

LOOKS: tuple[Callable[[View], Iterator[Fact]], ...] = (
    revision_facts,
    failed_facts,
    pending_facts,
    hook_facts,
    value_facts,
    change_facts,
    drift_facts,
)
FROM_LABELS = ("release.revision", "release.failed", "release.pending")
FROM_CONTENTS = ("release.value_changed", "release.object_changed", "release.drift", "release.hook_failed")


class HelmAgent:
    """Reads releases and compares them: with the revision before, and with what lives."""

    name = "helm"
    description = "Helm releases, charts, upgrades, rollbacks, values, hooks and drift of live objects"
    examples = (
        "it broke after a helm upgrade of the release",
        "a chart was rolled back or its hook failed",
        "values of the release are not those that run",
    )
    kinds = frozenset((*FROM_LABELS, *FROM_CONTENTS))

    async def gather(self, scope: Scope, sources: Sources) -> AsyncIterator[Fact | Coverage | Gap]:
        """Yield the releases in the namespaces of ``scope`` and what could be read of them."""
        releases = sources.need(Releases)  # type: ignore[type-abstract]  # a port is asked for by its protocol
        cluster = sources.need(ClusterObjects)  # type: ignore[type-abstract]  # a port is asked for by its protocol
        history = await releases.releases(scope.namespaces)
        view = await read_view(scope, Observer(self.name, sources.cluster), cluster, history)
        for look in LOOKS:
            for fact in look(view):
                yield fact
        for gap in history.gaps:
            yield gap
        for coverage in _coverage(view, history):
            yield coverage


def _coverage(view: View, history: ReleaseHistory) -> Iterator[Coverage]:
    """Yield what was read completely: states wherever records were listed, the rest where contents were read too."""
    partly = {one.newest.namespace for one in view.lineages if not one.whole}
    for namespace in view.scope.namespaces:
        if {namespace, "*"} & history.complete_in:
            for kind in (*FROM_LABELS, *(() if namespace in partly else FROM_CONTENTS)):
                yield Coverage(kind=kind, scope=f"namespace/{namespace}")


@hookimpl
def register_agents(settings: Settings) -> Sequence[Agent]:
    """Return the agent."""
    del settings
    return [HelmAgent()]
