"""The kubernetes agent: workloads, pods, containers, probes, rollouts, autoscalers, jobs, custom resources and their events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence

from sre_orchestrator.core.hookspecs import Agent, Sources, hookimpl
from sre_orchestrator.core.models import Coverage, Fact, Gap, Scope
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.agents.kubernetes.custom import custom_facts
from sre_orchestrator.plugins.agents.kubernetes.events import event_facts, pod_event_facts
from sre_orchestrator.plugins.agents.kubernetes.others import autoscaler_facts, configuration_facts, job_facts
from sre_orchestrator.plugins.agents.kubernetes.pods import pod_facts
from sre_orchestrator.plugins.agents.kubernetes.rollouts import rollout_facts, scaling_facts
from sre_orchestrator.plugins.agents.kubernetes.view import View, read_view
from sre_orchestrator.plugins.agents.kubernetes.workloads import workload_facts

LOOKS: tuple[Callable[[View], Iterator[Fact]], ...] = (
    workload_facts,
    pod_facts,
    pod_event_facts,
    rollout_facts,
    scaling_facts,
    autoscaler_facts,
    job_facts,
    configuration_facts,
    custom_facts,
    event_facts,
)


class KubernetesAgent:
    """Reads workloads, pods and events; facts of healthy objects are few and none of them is a symptom."""

    name = "kubernetes"
    description = "workloads, pods, containers, restarts, probes, rollouts, autoscalers, jobs and their events"
    examples = (
        "containers restart in a crash loop, killed because they ran out of memory",
        "a rollout does not finish: new replicas never become ready",
        "a liveness or readiness probe fails, a job failed, the autoscaler does not scale",
    )
    kinds = frozenset(
        {
            "workload.replicas",
            "workload.unavailable",
            "workload.condition",
            "workload.scaled",
            "pod.phase",
            "pod.unready",
            "pod.evicted",
            "pod.drained",
            "container.waiting",
            "container.terminated",
            "container.restarted",
            "container.running",
            "container.limit",
            "container.probe",
            "container.killed",
            "container.changed",
            "configuration.written",
            "probe.failed",
            "autoscaler.condition",
            "job.state",
            "resource.state",
            "event",
        }
    )

    async def gather(self, scope: Scope, sources: Sources) -> AsyncIterator[Fact | Coverage | Gap]:
        """Yield the facts of the scope's namespaces and what was read completely."""
        view = await read_view(scope, sources, self.name)
        for look in LOOKS:
            for fact in look(view):
                yield fact
        for coverage in view.coverage:
            yield coverage


@hookimpl
def register_agents(settings: Settings) -> Sequence[Agent]:
    """Return the agent."""
    del settings
    return [KubernetesAgent()]
