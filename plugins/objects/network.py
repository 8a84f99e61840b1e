"""Services, endpoints, routes and policies."""

from __future__ import annotations

import msgspec

from sre_orchestrator.plugins.objects.meta import Object, Part
from sre_orchestrator.plugins.objects.pods import IntOrString
from sre_orchestrator.plugins.objects.selectors import LabelSelector


class ServicePort(Part, frozen=True, kw_only=True):
    """A port of a service; ``target_port`` is a number, a container port's name, or absent (equal to ``port``)."""

    name: str = ""
    port: int = 0
    target_port: IntOrString | None = None
    protocol: str = "TCP"
    app_protocol: str = ""
    node_port: int = 0

    @property
    def target(self) -> IntOrString:
        """Return the target port, as Kubernetes defaults it."""
        return self.port if self.target_port in (None, 0, "") else self.target_port or self.port


class ServiceSpec(Part, frozen=True, kw_only=True):
    """``spec`` of a Service."""

    type: str = "ClusterIP"
    cluster_ip: str = msgspec.field(name="clusterIP", default="")
    selector: dict[str, str] = {}
    ports: tuple[ServicePort, ...] = ()
    external_name: str = ""


class Service(Object, frozen=True, kw_only=True):
    """A Service."""

    spec: ServiceSpec = ServiceSpec()


class TargetRef(Part, frozen=True, kw_only=True):
    """What an endpoint address belongs to."""

    kind: str = ""
    name: str = ""


class Address(Part, frozen=True, kw_only=True):
    """An endpoint address."""

    ip: str = ""
    node_name: str = ""
    target_ref: TargetRef | None = None


class EndpointPort(Part, frozen=True, kw_only=True):
    """A port of endpoints."""

    name: str = ""
    port: int = 0
    protocol: str = "TCP"


class Subset(Part, frozen=True, kw_only=True):
    """Addresses that share ports."""

    addresses: tuple[Address, ...] = ()
    not_ready_addresses: tuple[Address, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


class Endpoints(Object, frozen=True, kw_only=True):
    """Endpoints of the service of the same name."""

    subsets: tuple[Subset, ...] = ()


class EndpointConditions(Part, frozen=True, kw_only=True):
    """Conditions of a slice's endpoint; absent means ready."""

    ready: bool | None = None


class SliceEndpoint(Part, frozen=True, kw_only=True):
    """An endpoint of a slice."""

    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()
    node_name: str = ""
    target_ref: TargetRef | None = None


class EndpointSlice(Object, frozen=True, kw_only=True):
    """A slice of a service's endpoints (label ``kubernetes.io/service-name``)."""

    endpoints: tuple[SliceEndpoint, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


class BackendPort(Part, frozen=True, kw_only=True):
    """The port of an ingress backend."""

    name: str = ""
    number: int = 0


class BackendService(Part, frozen=True, kw_only=True):
    """The service of an ingress backend."""

    name: str = ""
    port: BackendPort = BackendPort()


class Backend(Part, frozen=True, kw_only=True):
    """An ingress backend."""

    service: BackendService | None = None


class HttpPath(Part, frozen=True, kw_only=True):
    """A path of an ingress rule."""

    path: str = ""
    backend: Backend = Backend()


class HttpRule(Part, frozen=True, kw_only=True):
    """The paths of an ingress rule."""

    paths: tuple[HttpPath, ...] = ()


class IngressRule(Part, frozen=True, kw_only=True):
    """A host of an ingress."""

    host: str = ""
    http: HttpRule | None = None


class IngressTls(Part, frozen=True, kw_only=True):
    """TLS of an ingress."""

    hosts: tuple[str, ...] = ()
    secret_name: str = ""


class IngressSpec(Part, frozen=True, kw_only=True):
    """``spec`` of an Ingress."""

    ingress_class_name: str = ""
    default_backend: Backend | None = None
    rules: tuple[IngressRule, ...] = ()
    tls: tuple[IngressTls, ...] = ()


class Ingress(Object, frozen=True, kw_only=True):
    """An Ingress."""

    spec: IngressSpec = IngressSpec()

    @property
    def paths(self) -> tuple[tuple[str, HttpPath], ...]:
        """Return each path with its host; the default backend is the path ``""``."""
        found = tuple((rule.host, path) for rule in self.spec.rules if rule.http for path in rule.http.paths)
        default = self.spec.default_backend
        return (*found, ("", HttpPath(backend=default))) if default else found

    @property
    def backends(self) -> frozenset[str]:
        """Return the names of the services that it routes to."""
        return frozenset(path.backend.service.name for _, path in self.paths if path.backend.service)


class IngressClass(Object, frozen=True, kw_only=True):
    """An IngressClass."""


class PathMatch(Part, frozen=True, kw_only=True):
    """The path of a Gateway API match."""

    value: str = ""


class RouteMatch(Part, frozen=True, kw_only=True):
    """A match of a Gateway API rule."""

    path: PathMatch | None = None


class BackendRef(Part, frozen=True, kw_only=True):
    """A destination of a Gateway API rule."""

    kind: str = "Service"
    name: str = ""
    namespace: str = ""
    port: int = 0


class PathModifier(Part, frozen=True, kw_only=True):
    """What becomes of a path."""

    type: str = ""
    replace_prefix_match: str = ""


class UrlRewrite(Part, frozen=True, kw_only=True):
    """What becomes of the URL of a request."""

    path: PathModifier = PathModifier()


class RouteFilter(Part, frozen=True, kw_only=True):
    """What a Gateway API rule does with a request on its way."""

    type: str = ""
    url_rewrite: UrlRewrite = UrlRewrite()


class RouteRule(Part, frozen=True, kw_only=True):
    """A rule of a Gateway API route."""

    matches: tuple[RouteMatch, ...] = ()
    filters: tuple[RouteFilter, ...] = ()
    backend_refs: tuple[BackendRef, ...] = ()


class HttpRouteSpec(Part, frozen=True, kw_only=True):
    """``spec`` of an HTTPRoute."""

    hostnames: tuple[str, ...] = ()
    rules: tuple[RouteRule, ...] = ()


class HTTPRoute(Object, frozen=True, kw_only=True):
    """An HTTPRoute of the Gateway API."""

    spec: HttpRouteSpec = HttpRouteSpec()


class UriMatch(Part, frozen=True, kw_only=True):
    """A match of Istio: one of the three is set."""

    prefix: str = ""
    exact: str = ""
    regex: str = ""


class MeshMatch(Part, frozen=True, kw_only=True):
    """What a mesh route matches."""

    uri: UriMatch = UriMatch()


class MeshPort(Part, frozen=True, kw_only=True):
    """The port of a destination."""

    number: int = 0


class Destination(Part, frozen=True, kw_only=True):
    """Where a mesh route leads: a host as in DNS."""

    host: str = ""
    port: MeshPort = MeshPort()


class Weighted(Part, frozen=True, kw_only=True):
    """A destination with its weight."""

    destination: Destination = Destination()


class MeshRewrite(Part, frozen=True, kw_only=True):
    """What is put in the place of the matched prefix."""

    uri: str = ""


class MeshRoute(Part, frozen=True, kw_only=True):
    """An HTTP route of a VirtualService."""

    name: str = ""
    match: tuple[MeshMatch, ...] = ()
    rewrite: MeshRewrite = MeshRewrite()
    route: tuple[Weighted, ...] = ()


class VirtualServiceSpec(Part, frozen=True, kw_only=True):
    """``spec`` of a VirtualService."""

    hosts: tuple[str, ...] = ()
    http: tuple[MeshRoute, ...] = ()


class VirtualService(Object, frozen=True, kw_only=True):
    """A VirtualService of Istio."""

    spec: VirtualServiceSpec = VirtualServiceSpec()


class PolicyPort(Part, frozen=True, kw_only=True):
    """A port that a policy admits; ``end_port`` makes it a range."""

    protocol: str = "TCP"
    port: IntOrString | None = None
    end_port: int | None = None


class IpBlock(Part, frozen=True, kw_only=True):
    """Addresses that a policy admits."""

    cidr: str = ""
    excepted: tuple[str, ...] = msgspec.field(name="except", default=())


class Peer(Part, frozen=True, kw_only=True):
    """Who a policy admits."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IpBlock | None = None


class PolicyRule(Part, frozen=True, kw_only=True):
    """An ingress (``from``) or egress (``to``) rule; no peers admits all peers, no ports all ports."""

    peers_from: tuple[Peer, ...] = msgspec.field(name="from", default=())
    peers_to: tuple[Peer, ...] = msgspec.field(name="to", default=())
    ports: tuple[PolicyPort, ...] = ()


class PolicySpec(Part, frozen=True, kw_only=True):
    """``spec`` of a NetworkPolicy."""

    pod_selector: LabelSelector = LabelSelector()
    policy_types: tuple[str, ...] = ()
    ingress: tuple[PolicyRule, ...] = ()
    egress: tuple[PolicyRule, ...] = ()


class NetworkPolicy(Object, frozen=True, kw_only=True):
    """A NetworkPolicy."""

    spec: PolicySpec = PolicySpec()
