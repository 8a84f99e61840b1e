"""Workloads: what owns pods."""

from __future__ import annotations

from sre_orchestrator.plugins.objects.meta import Object, Part, Time
from sre_orchestrator.plugins.objects.pods import Condition, IntOrString, PodTemplate
from sre_orchestrator.plugins.objects.selectors import LabelSelector


class ClaimTemplate(Object, frozen=True, kw_only=True):
    """A claim that a StatefulSet makes for each pod."""


class WorkloadSpec(Part, frozen=True, kw_only=True):
    """``spec`` of a Deployment, ReplicaSet, StatefulSet or DaemonSet."""

    replicas: int | None = None
    paused: bool = False
    selector: LabelSelector | None = None
    template: PodTemplate = PodTemplate()
    service_name: str = ""
    volume_claim_templates: tuple[ClaimTemplate, ...] = ()


class WorkloadStatus(Part, frozen=True, kw_only=True):
    """``status``; a DaemonSet counts nodes (``desiredNumberScheduled``, ``numberReady``)."""

    observed_generation: int = 0
    replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    updated_replicas: int = 0
    unavailable_replicas: int = 0
    desired_number_scheduled: int | None = None
    number_ready: int = 0
    number_available: int = 0
    conditions: tuple[Condition, ...] = ()


class Workload(Object, frozen=True, kw_only=True):
    """What Deployment, ReplicaSet, StatefulSet and DaemonSet share."""

    spec: WorkloadSpec = WorkloadSpec()
    status: WorkloadStatus = WorkloadStatus()

    @property
    def desired(self) -> int:
        """Return how many pods it should have; one when nothing is declared (Kubernetes' default)."""
        if self.status.desired_number_scheduled is not None:
            return self.status.desired_number_scheduled
        return 1 if self.spec.replicas is None else self.spec.replicas

    @property
    def ready(self) -> int:
        """Return how many pods are ready."""
        return max(self.status.ready_replicas, self.status.number_ready)

    @property
    def available(self) -> int:
        """Return how many pods are available."""
        return max(self.status.available_replicas, self.status.number_available)


class Deployment(Workload, frozen=True, kw_only=True):
    """A Deployment."""


class ReplicaSet(Workload, frozen=True, kw_only=True):
    """A ReplicaSet."""


class StatefulSet(Workload, frozen=True, kw_only=True):
    """A StatefulSet."""


class DaemonSet(Workload, frozen=True, kw_only=True):
    """A DaemonSet."""


class JobSpec(Part, frozen=True, kw_only=True):
    """``spec`` of a Job."""

    suspend: bool = False
    backoff_limit: int = 6
    template: PodTemplate = PodTemplate()


class JobStatus(Part, frozen=True, kw_only=True):
    """``status`` of a Job."""

    active: int = 0
    succeeded: int = 0
    failed: int = 0
    conditions: tuple[Condition, ...] = ()


class Job(Object, frozen=True, kw_only=True):
    """A Job."""

    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()


class JobTemplate(Part, frozen=True, kw_only=True):
    """``spec.jobTemplate``."""

    spec: JobSpec = JobSpec()


class CronJobSpec(Part, frozen=True, kw_only=True):
    """``spec`` of a CronJob."""

    schedule: str = ""
    suspend: bool = False
    job_template: JobTemplate = JobTemplate()


class CronJobStatus(Part, frozen=True, kw_only=True):
    """``status`` of a CronJob."""

    last_schedule_time: Time | None = None


class CronJob(Object, frozen=True, kw_only=True):
    """A CronJob."""

    spec: CronJobSpec = CronJobSpec()
    status: CronJobStatus = CronJobStatus()


class ScaleTarget(Part, frozen=True, kw_only=True):
    """What an autoscaler scales."""

    kind: str = ""
    name: str = ""


class AutoscalerSpec(Part, frozen=True, kw_only=True):
    """``spec`` of a HorizontalPodAutoscaler."""

    scale_target_ref: ScaleTarget = ScaleTarget()
    min_replicas: int = 1
    max_replicas: int = 0


class AutoscalerStatus(Part, frozen=True, kw_only=True):
    """``status`` of a HorizontalPodAutoscaler."""

    current_replicas: int = 0
    desired_replicas: int = 0
    conditions: tuple[Condition, ...] = ()


class HorizontalPodAutoscaler(Object, frozen=True, kw_only=True):
    """A HorizontalPodAutoscaler."""

    spec: AutoscalerSpec = AutoscalerSpec()
    status: AutoscalerStatus = AutoscalerStatus()


class BudgetSpec(Part, frozen=True, kw_only=True):
    """``spec`` of a PodDisruptionBudget."""

    min_available: IntOrString | None = None
    max_unavailable: IntOrString | None = None
    selector: LabelSelector | None = None


class PodDisruptionBudget(Object, frozen=True, kw_only=True):
    """A PodDisruptionBudget."""

    spec: BudgetSpec = BudgetSpec()
