"""Autoscalers, Jobs and CronJobs, and configuration that was written lately."""

from __future__ import annotations

from collections.abc import Iterator

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.kubernetes.view import View, identity
from sre_orchestrator.plugins.agents.reading import kubectl_describe, kubectl_get
from sre_orchestrator.plugins.objects.pods import Condition
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.objects.workloads import HorizontalPodAutoscaler, Job


def autoscaler_facts(view: View) -> Iterator[Fact]:
    """Yield what keeps an autoscaler from scaling: a condition that is false, or its own maximum."""
    for one in view.autoscalers:
        target = one.spec.scale_target_ref
        for condition in one.status.conditions:
            if _hinders(one, condition):
                yield view.observe(
                    "autoscaler.condition",
                    identity(one),
                    query=kubectl_describe("horizontalpodautoscaler", one.metadata.namespace, one.metadata.name),
                    at=condition.last_transition_time,
                    type=condition.type,
                    status=condition.status,
                    reason=condition.reason,
                    message=condition.message,
                    target=component_id(target.kind, one.metadata.namespace, target.name),
                    current=one.status.current_replicas,
                    max=one.spec.max_replicas,
                )


def _hinders(autoscaler: HorizontalPodAutoscaler, condition: Condition) -> bool:
    if condition.type == "ScalingLimited":
        full = autoscaler.status.current_replicas >= autoscaler.spec.max_replicas
        return condition.status == "True" and condition.reason == "TooManyReplicas" and full
    return condition.type in {"AbleToScale", "ScalingActive"} and condition.status == "False"


def job_facts(view: View) -> Iterator[Fact]:
    """Yield Jobs that are suspended or have failed, and suspended CronJobs; what completed is left out."""
    for job in view.jobs:
        failed = _condition(job, "Failed")
        if job.spec.suspend or (
            failed and (failed.last_transition_time is None or view.in_window(failed.last_transition_time))
        ):
            yield view.observe(
                "job.state",
                identity(job),
                query=kubectl_describe("job", job.metadata.namespace, job.metadata.name),
                at=failed.last_transition_time if failed else None,
                suspended=job.spec.suspend,
                active=job.status.active,
                failed=job.status.failed,
                succeeded=job.status.succeeded,
                reason=failed.reason if failed else None,
            )
    for cron_job in view.cron_jobs:
        if cron_job.spec.suspend:
            yield view.observe(
                "job.state",
                identity(cron_job),
                query=kubectl_describe("cronjob", cron_job.metadata.namespace, cron_job.metadata.name),
                suspended=True,
            )


def configuration_facts(view: View) -> Iterator[Fact]:
    """Yield ConfigMaps and Secrets that somebody wrote in the window of the incident, after they were made."""
    for one in view.configuration:
        written = one.metadata.written
        if written and view.in_window(written.time):
            yield view.observe(
                "configuration.written",
                identity(one),
                query=f"{kubectl_get(KINDS[type(one)].kind, one.metadata.namespace, one.metadata.name)} --show-managed-fields",
                at=written.time,
                by=written.manager,
            )


def _condition(job: Job, name: str) -> Condition | None:
    return next((one for one in job.status.conditions if one.type == name and one.status == "True"), None)
