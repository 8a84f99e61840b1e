"""Pods and what they are made of."""

from __future__ import annotations

import re

import msgspec

from sre_orchestrator.plugins.objects.meta import Meta, Object, Part, Time
from sre_orchestrator.plugins.objects.rbac import AccountToken
from sre_orchestrator.plugins.objects.selectors import LabelSelector, NodeSelector, Toleration

IntOrString = int | str
# What the usual commands of probes ask: grpc_health_probe -addr=:PORT, curl and wget http://HOST:PORT.
_ASKED = re.compile(r"(?:-addr[= ]\S*?|https?://[^\s:/]+):(\d{1,5})\b")


class KeyRef(Part, frozen=True, kw_only=True):
    """A reference to a ConfigMap or Secret, and perhaps to one of its keys."""

    name: str = ""
    key: str = ""
    optional: bool = False


class EnvSource(Part, frozen=True, kw_only=True):
    """``env[].valueFrom``."""

    config_map_key_ref: KeyRef | None = None
    secret_key_ref: KeyRef | None = None


class EnvVar(Part, frozen=True, kw_only=True):
    """An environment variable."""

    name: str = ""
    value: str = ""
    value_from: EnvSource | None = None


class EnvFrom(Part, frozen=True, kw_only=True):
    """``envFrom[]``."""

    config_map_ref: KeyRef | None = None
    secret_ref: KeyRef | None = None


class ContainerPort(Part, frozen=True, kw_only=True):
    """A declared port."""

    name: str = ""
    container_port: int = 0
    host_port: int = 0
    protocol: str = "TCP"


class HttpGet(Part, frozen=True, kw_only=True):
    """An HTTP probe."""

    path: str = ""
    port: IntOrString = 0
    scheme: str = "HTTP"


class TcpSocket(Part, frozen=True, kw_only=True):
    """A TCP probe."""

    port: IntOrString = 0


class Grpc(Part, frozen=True, kw_only=True):
    """A gRPC probe."""

    port: int = 0
    service: str | None = ""


class Exec(Part, frozen=True, kw_only=True):
    """A command."""

    command: tuple[str, ...] = ()


class Probe(Part, frozen=True, kw_only=True):
    """A probe with its timing, in seconds; the defaults are Kubernetes' own."""

    http_get: HttpGet | None = None
    tcp_socket: TcpSocket | None = None
    grpc: Grpc | None = None
    exec: Exec | None = None
    initial_delay_seconds: int = 0
    timeout_seconds: int = 1
    period_seconds: int = 10
    success_threshold: int = 1
    failure_threshold: int = 3

    @property
    def protocol(self) -> str:
        """Return ``http``, ``https``, ``tcp``, ``grpc`` or ``exec``."""
        if self.http_get:
            return self.http_get.scheme.lower()
        return "tcp" if self.tcp_socket else "grpc" if self.grpc else "exec"

    @property
    def port(self) -> IntOrString:
        """Return the probed port, 0 for a command that names none."""
        asked = self.http_get or self.tcp_socket or self.grpc
        if asked:
            return asked.port
        named = _ASKED.search(" ".join(self.exec.command)) if self.exec else None
        return int(named[1]) if named else 0


class Resources(Part, frozen=True, kw_only=True):
    """Requests and limits as quantities."""

    requests: dict[str, IntOrString | float] = {}
    limits: dict[str, IntOrString | float] = {}


class VolumeMount(Part, frozen=True, kw_only=True):
    """Where a volume is mounted."""

    name: str = ""
    mount_path: str = ""
    sub_path: str = ""
    read_only: bool = False


class SecurityContext(Part, frozen=True, kw_only=True):
    """Who a process runs as."""

    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    fs_group: int | None = None
    read_only_root_filesystem: bool | None = None
    privileged: bool | None = None


class Container(Part, frozen=True, kw_only=True):
    """A container of a pod template."""

    name: str = ""
    image: str = ""
    image_pull_policy: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFrom, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    resources: Resources = Resources()
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None
    volume_mounts: tuple[VolumeMount, ...] = ()
    security_context: SecurityContext | None = None
    restart_policy: str = ""


class ClaimRef(Part, frozen=True, kw_only=True):
    """``volumes[].persistentVolumeClaim``."""

    claim_name: str = ""
    read_only: bool = False


class NamedSource(Part, frozen=True, kw_only=True):
    """A ConfigMap (``name``) or Secret (``secretName``) volume."""

    name: str = ""
    secret_name: str = ""
    optional: bool = False
    items: tuple[KeyRef, ...] = ()


class ProjectedPart(Part, frozen=True, kw_only=True):
    """One source of a projected volume."""

    config_map: NamedSource | None = None
    secret: NamedSource | None = None
    service_account_token: AccountToken | None = None


class Projected(Part, frozen=True, kw_only=True):
    """A projected volume."""

    sources: tuple[ProjectedPart, ...] = ()


class HostPath(Part, frozen=True, kw_only=True):
    """A path of the node."""

    path: str = ""
    type: str = ""


class Volume(Part, frozen=True, kw_only=True):
    """A volume of a pod."""

    name: str = ""
    persistent_volume_claim: ClaimRef | None = None
    config_map: NamedSource | None = None
    secret: NamedSource | None = None
    projected: Projected | None = None
    host_path: HostPath | None = None


class NodeAffinity(Part, frozen=True, kw_only=True):
    """Required node affinity."""

    required: NodeSelector | None = msgspec.field(name="requiredDuringSchedulingIgnoredDuringExecution", default=None)


class PodAffinityTerm(Part, frozen=True, kw_only=True):
    """One (anti-)affinity term."""

    label_selector: LabelSelector | None = None
    topology_key: str = ""
    namespaces: tuple[str, ...] = ()
    namespace_selector: LabelSelector | None = None


class PodAffinity(Part, frozen=True, kw_only=True):
    """Required pod affinity or anti-affinity."""

    required: tuple[PodAffinityTerm, ...] = msgspec.field(
        name="requiredDuringSchedulingIgnoredDuringExecution", default=()
    )


class Affinity(Part, frozen=True, kw_only=True):
    """``spec.affinity``."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None


class TopologySpread(Part, frozen=True, kw_only=True):
    """A topology spread constraint."""

    max_skew: int = 1
    topology_key: str = ""
    when_unsatisfiable: str = "DoNotSchedule"
    label_selector: LabelSelector | None = None


class DnsOption(Part, frozen=True, kw_only=True):
    """A resolver option."""

    name: str = ""
    value: str | None = None


class DnsConfig(Part, frozen=True, kw_only=True):
    """``spec.dnsConfig``."""

    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[DnsOption, ...] = ()


class HostAlias(Part, frozen=True, kw_only=True):
    """A line of ``/etc/hosts``."""

    ip: str = ""
    hostnames: tuple[str, ...] = ()


class LocalRef(Part, frozen=True, kw_only=True):
    """A reference by name in the same namespace."""

    name: str = ""


class PodSpec(Part, frozen=True, kw_only=True):
    """``spec`` of a pod or pod template."""

    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    node_name: str = ""
    node_selector: dict[str, str] = {}
    affinity: Affinity | None = None
    tolerations: tuple[Toleration, ...] = ()
    topology_spread_constraints: tuple[TopologySpread, ...] = ()
    service_account_name: str = ""
    automount_service_account_token: bool | None = None
    image_pull_secrets: tuple[LocalRef, ...] = ()
    host_network: bool = False
    dns_policy: str = "ClusterFirst"
    dns_config: DnsConfig | None = None
    host_aliases: tuple[HostAlias, ...] = ()
    restart_policy: str = "Always"
    scheduler_name: str = "default-scheduler"
    scheduling_gates: tuple[LocalRef, ...] = ()
    security_context: SecurityContext | None = None
    overhead: dict[str, IntOrString | float] = {}


class PodTemplate(Part, frozen=True, kw_only=True):
    """``spec.template`` of a workload."""

    metadata: Meta = Meta()
    spec: PodSpec = PodSpec()


class Running(Part, frozen=True, kw_only=True):
    """A running container."""

    started_at: Time | None = None


class Waiting(Part, frozen=True, kw_only=True):
    """A waiting container."""

    reason: str = ""
    message: str = ""


class Terminated(Part, frozen=True, kw_only=True):
    """A terminated container."""

    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    message: str = ""
    started_at: Time | None = None
    finished_at: Time | None = None


class ContainerState(Part, frozen=True, kw_only=True):
    """The state of a container: at most one is set."""

    running: Running | None = None
    waiting: Waiting | None = None
    terminated: Terminated | None = None


class ContainerStatus(Part, frozen=True, kw_only=True):
    """What the kubelet says about a container."""

    name: str = ""
    image: str = ""
    ready: bool = False
    started: bool | None = None
    restart_count: int = 0
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()


class Condition(Part, frozen=True, kw_only=True):
    """A condition of any object."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: Time | None = None
    last_heartbeat_time: Time | None = None
    last_update_time: Time | None = None


class PodStatus(Part, frozen=True, kw_only=True):
    """``status`` of a pod."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    pod_ip: str = msgspec.field(name="podIP", default="")
    host_ip: str = msgspec.field(name="hostIP", default="")
    start_time: Time | None = None
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()


class Pod(Object, frozen=True, kw_only=True):
    """A pod."""

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    def condition(self, name: str) -> Condition | None:
        """Return the condition ``name``, if it is there."""
        return next((one for one in self.status.conditions if one.type == name), None)

    @property
    def ready(self) -> bool:
        """Say whether the pod is Ready."""
        condition = self.condition("Ready")
        return condition is not None and condition.status == "True"
