"""Custom resources that tell how they are: certificates, deliveries (Argo CD, Flux), Rollouts and scalers of KEDA."""

from __future__ import annotations

from sre_orchestrator.plugins.objects.meta import Object, Part, Time
from sre_orchestrator.plugins.objects.pods import Condition


class CertificateSpec(Part, frozen=True, kw_only=True):
    """``spec`` of a Certificate; ``secret_name`` is where the issued certificate goes."""

    secret_name: str = ""
    dns_names: tuple[str, ...] = ()


class CertificateStatus(Part, frozen=True, kw_only=True):
    """``status`` of a Certificate."""

    conditions: tuple[Condition, ...] = ()
    not_after: Time | None = None


class Certificate(Object, frozen=True, kw_only=True):
    """A Certificate of cert-manager."""

    spec: CertificateSpec = CertificateSpec()
    status: CertificateStatus = CertificateStatus()


class Place(Part, frozen=True, kw_only=True):
    """Where an Application is delivered to."""

    namespace: str = ""


class ApplicationSpec(Part, frozen=True, kw_only=True):
    """``spec`` of an Application."""

    destination: Place = Place()


class Health(Part, frozen=True, kw_only=True):
    """How the delivered objects are, as Argo CD judges them."""

    status: str = ""
    message: str = ""
    last_transition_time: Time | None = None


class Operation(Part, frozen=True, kw_only=True):
    """The last sync."""

    phase: str = ""
    message: str = ""
    started_at: Time | None = None
    finished_at: Time | None = None


class ApplicationStatus(Part, frozen=True, kw_only=True):
    """``status`` of an Application; its conditions have no status, they are there or not."""

    conditions: tuple[Condition, ...] = ()
    health: Health = Health()
    operation_state: Operation | None = None


class Application(Object, frozen=True, kw_only=True):
    """An Application of Argo CD."""

    spec: ApplicationSpec = ApplicationSpec()
    status: ApplicationStatus = ApplicationStatus()


class DeliverySpec(Part, frozen=True, kw_only=True):
    """``spec`` of a Kustomization or HelmRelease; without ``target_namespace`` it delivers beside itself, or anywhere."""

    suspend: bool = False
    target_namespace: str = ""


class Entry(Part, frozen=True, kw_only=True):
    """A delivered object; its id is ``namespace_name_group_kind``."""

    id: str = ""


class Inventory(Part, frozen=True, kw_only=True):
    """The delivered objects."""

    entries: tuple[Entry, ...] = ()


class DeliveryStatus(Part, frozen=True, kw_only=True):
    """``status`` of a Kustomization or HelmRelease."""

    conditions: tuple[Condition, ...] = ()
    inventory: Inventory | None = None


class Delivery(Object, frozen=True, kw_only=True):
    """What the deliveries of Flux share."""

    spec: DeliverySpec = DeliverySpec()
    status: DeliveryStatus = DeliveryStatus()


class Kustomization(Delivery, frozen=True, kw_only=True):
    """A Kustomization of Flux."""


class HelmRelease(Delivery, frozen=True, kw_only=True):
    """A HelmRelease of Flux."""


class ScaledTarget(Part, frozen=True, kw_only=True):
    """What KEDA scales."""

    kind: str = "Deployment"
    name: str = ""


class ScaledObjectSpec(Part, frozen=True, kw_only=True):
    """``spec`` of a ScaledObject."""

    scale_target_ref: ScaledTarget = ScaledTarget()


class ScaledObjectStatus(Part, frozen=True, kw_only=True):
    """``status`` of a ScaledObject; KEDA does not say since when its conditions hold."""

    conditions: tuple[Condition, ...] = ()


class ScaledObject(Object, frozen=True, kw_only=True):
    """A ScaledObject of KEDA."""

    spec: ScaledObjectSpec = ScaledObjectSpec()
    status: ScaledObjectStatus = ScaledObjectStatus()


class RolloutSpec(Part, frozen=True, kw_only=True):
    """``spec`` of a Rollout."""

    replicas: int | None = None
    paused: bool = False


class RolloutStatus(Part, frozen=True, kw_only=True):
    """``status`` of a Rollout; its message begins with a reason and a colon."""

    conditions: tuple[Condition, ...] = ()
    phase: str = ""
    message: str = ""


class Rollout(Object, frozen=True, kw_only=True):
    """A Rollout of Argo Rollouts."""

    spec: RolloutSpec = RolloutSpec()
    status: RolloutStatus = RolloutStatus()


class StripPrefix(Part, frozen=True, kw_only=True):
    """The prefixes that a middleware takes away."""

    prefixes: tuple[str, ...] = ()


class MiddlewareSpec(Part, frozen=True, kw_only=True):
    """``spec`` of a Middleware."""

    strip_prefix: StripPrefix = StripPrefix()


class Middleware(Object, frozen=True, kw_only=True):
    """A Middleware of Traefik: what it does with requests on their way."""

    spec: MiddlewareSpec = MiddlewareSpec()
