"""Looks at routes: of ingresses and of gateways' own configuration, where they lead and what they are named for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sre_orchestrator.core.identity import component_id, kind_of, name_of, namespace_of
from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.network.parts import Declared, Key, Observe, key_of, service_id
from sre_orchestrator.plugins.agents.network.stripped import stripped_by_ingress, stripped_by_rule, stripped_in_mesh
from sre_orchestrator.plugins.agents.network.view import View
from sre_orchestrator.plugins.agents.reading import kubectl_get
from sre_orchestrator.plugins.objects.config import Secret
from sre_orchestrator.plugins.objects.custom import Middleware
from sre_orchestrator.plugins.objects.naming import ServiceNames, segments
from sre_orchestrator.plugins.objects.network import HTTPRoute, Ingress, IngressClass, Service, UriMatch, VirtualService


@dataclass(frozen=True, kw_only=True)
class Way:
    """One route of a component: what it matches, which service it names as its destination."""

    component: str
    origin: str
    id: str
    host: str
    path: str
    service: Key
    port: int | str
    strips: str = ""

    @property
    def terms(self) -> Iterator[tuple[str, str]]:
        """Yield what may name the meant service: id, the path's telling segments, the host's first label."""
        if self.id:
            yield "id", self.id
        for segment in segments(self.path):
            yield "path", segment
        if self.host.count(".") > 1:
            yield "host", self.host.partition(".")[0]


def look_at_routes(view: View, observe: Observe) -> Iterator[Fact]:
    """Yield every route, the routes that lead elsewhere than they are named for, classes and secrets that are absent."""
    names = {
        space: ServiceNames([name for namespace, name in view.services if namespace == space])
        for space in view.scope.namespaces
    }
    every = list(_ways(view))
    telling = [way for ways in every for way in ways if way.path.strip("/*")]
    for ways in every:
        for way in ways:
            yield _route(view, way, telling, observe)
            yield from _suspect(view, way, ways, names[namespace_of(way.component)], observe)
    for ingress in view.items(Ingress):
        if isinstance(ingress, Ingress) and ingress.metadata.namespace in view.scope.namespaces:
            yield from _unresolved(view, ingress, observe)


def _ways(view: View) -> Iterator[list[Way]]:
    """Yield the routes of each component of the scope."""
    middlewares = [one for one in view.items(Middleware) if isinstance(one, Middleware)]
    for ingress in view.items(Ingress):
        if isinstance(ingress, Ingress) and ingress.metadata.namespace in view.scope.namespaces:
            yield list(_of_ingress(ingress, middlewares))
    for route in view.items(HTTPRoute):
        if isinstance(route, HTTPRoute) and route.metadata.namespace in view.scope.namespaces:
            yield list(_of_gateway_api(route))
    yield [
        way
        for route in view.items(VirtualService)
        if isinstance(route, VirtualService) and route.metadata.namespace in view.scope.namespaces
        for way in _of_mesh(view, route)
    ]
    for component, declared in sorted(view.routes.items()):
        if namespace_of(component) in view.scope.namespaces:
            yield list(_of_configuration(view, component, declared))


def _of_configuration(view: View, component: str, declared: Sequence[Declared]) -> Iterator[Way]:
    """Yield the routes of a gateway's own configuration.

    ``lb://`` names what a registry knows; it counts as a service where some such name is one.
    """
    home = namespace_of(component)
    registered = [one.route.target.host for one in declared if one.route.target.scheme == "lb"]
    by_service = any(view.find(host, home) for host in registered)
    for one in declared:
        target = one.route.target
        service = view.find(target.host, home)
        if service is None and (target.scheme != "lb" or by_service):
            service = view.absent(target.host, home)
        if service:
            yield Way(
                component=component,
                origin=one.origin,
                id=one.route.id,
                host=one.route.host,
                path=one.route.path,
                service=service,
                port=target.port,
                strips=one.route.strips,
            )


def _of_ingress(ingress: Ingress, middlewares: Sequence[Middleware]) -> Iterator[Way]:
    namespace, name = key_of(ingress)
    for host, path in ingress.paths:
        backend = path.backend.service
        if backend:
            yield Way(
                component=component_id("ingress", namespace, name),
                origin=f"ingress {name}",
                id=name if len(ingress.paths) == 1 else "",
                host=host,
                path=path.path,
                service=(namespace, backend.name),
                port=backend.port.number or backend.port.name,
                strips=stripped_by_ingress(ingress, path.path, middlewares),
            )


def _of_gateway_api(route: HTTPRoute) -> Iterator[Way]:
    namespace, name = key_of(route)
    for rule in route.spec.rules:
        path = next((one.path.value for one in rule.matches if one.path), "")
        for backend in rule.backend_refs:
            if backend.kind == "Service":
                yield Way(
                    component=component_id("httproute", namespace, name),
                    origin=f"httproute {name}",
                    id=name if len(route.spec.rules) == 1 else "",
                    host=next(iter(route.spec.hostnames), ""),
                    path=path,
                    service=(backend.namespace or namespace, backend.name),
                    port=backend.port,
                    strips=stripped_by_rule(rule, path),
                )


def _of_mesh(view: View, route: VirtualService) -> Iterator[Way]:
    """Yield the routes of a VirtualService; a host that is a service of the cluster is what they are named for."""
    namespace, name = key_of(route)
    host = next(iter(route.spec.hosts), "")
    own = host.partition(".")[0] if view.find(host, namespace) else ""
    for one in route.spec.http:
        uri = next((match.uri for match in one.match), UriMatch())
        for weighted in one.route:
            there = weighted.destination.host
            service = view.find(there, namespace) or view.absent(there, namespace)
            if service:
                yield Way(
                    component=component_id("virtualservice", namespace, name),
                    origin=f"virtualservice {name}",
                    id=own,
                    host=host,
                    path=uri.prefix or uri.exact or uri.regex,
                    service=service,
                    port=weighted.destination.port.number,
                    strips=stripped_in_mesh(one, uri.prefix),
                )


def _route(view: View, way: Way, telling: Sequence[Way], observe: Observe) -> Fact:
    service = view.services.get(way.service)
    listed = service is not None or view.complete(way.service[0], Service)
    return observe(
        "route",
        way.component,
        query=_query(way),
        id=way.id or None,
        host=way.host or None,
        path=way.path or None,
        service=service_id(way.service),
        service_exists=service is not None if listed else None,
        port=way.port if isinstance(way.port, int) and way.port else None,
        port_exists=_has_port(service, way.port) if service and way.port else None,
        strips=way.strips or None,
        alone=_alone(way, telling) if way.strips else None,
        origin=way.origin,
    )


def _alone(way: Way, telling: Sequence[Way]) -> bool:
    """Say whether other routes of the same kind with a path of their own keep it, all of them."""
    kind = kind_of(way.component)
    others = [one for one in telling if kind_of(one.component) == kind and one.service != way.service]
    return bool(others) and not any(one.strips for one in others)


def _has_port(service: Service, port: int | str) -> bool:
    if service.spec.type == "ExternalName" or service.spec.cluster_ip == "None":
        return True
    return any(port in (one.port, one.name) for one in service.spec.ports)


def _suspect(view: View, way: Way, ways: Sequence[Way], names: ServiceNames, observe: Observe) -> Iterator[Fact]:
    named = _named_by(way, names)
    if not named or _is_named(way, way.service, names):
        return
    meant = (namespace_of(way.component), next(iter(named.values())))
    others = [one for one in ways if one is not way]
    yield observe(
        "route.suspect",
        way.component,
        query=_query(way),
        path=way.path or None,
        id=way.id or None,
        service=service_id(way.service),
        exists=way.service in view.services,
        expected=service_id(meant),
        by="+".join(named),
        taken=any(_is_named(one, way.service, names) and one.service in {way.service, meant} for one in others),
        reached=any(one.service == meant and _is_named(one, meant, names) for one in others),
        origin=way.origin,
    )


def _named_by(way: Way, names: ServiceNames) -> dict[str, str]:
    """Return the service that each kind of term names; empty where terms name different ones."""
    found: dict[str, str] = {}
    for kind, term in way.terms:
        service = names.named(term)
        if service:
            found.setdefault(kind, service)
    return found if len(set(found.values())) == 1 else {}


def _is_named(way: Way, service: Key, names: ServiceNames) -> bool:
    """Say whether a term of the route names ``service``."""
    return any(names.same(term, service[1]) for _, term in way.terms)


def _query(way: Way) -> str:
    if kind_of(way.component) != "ingress" and "configmap" in way.origin:
        return kubectl_get("configmap", namespace_of(way.component), way.origin.rpartition(" ")[2])
    return kubectl_get(kind_of(way.component), namespace_of(way.component), name_of(way.component))


def _unresolved(view: View, ingress: Ingress, observe: Observe) -> Iterator[Fact]:
    namespace, name = key_of(ingress)
    component, query = component_id("ingress", namespace, name), kubectl_get("ingress", namespace, name)
    classes = {one.metadata.name for one in view.items(IngressClass)}
    wanted = ingress.spec.ingress_class_name
    if wanted and wanted not in classes and view.complete("", IngressClass):
        yield observe(
            "reference.unresolved", component, query=query, target_kind="ingressclass", name=wanted, via="class"
        )
    secrets = {key_of(one) for one in view.items(Secret)}
    for tls in ingress.spec.tls:
        if tls.secret_name and (namespace, tls.secret_name) not in secrets and view.complete(namespace, Secret):
            yield observe(
                "reference.unresolved", component, query=query, target_kind="secret", name=tls.secret_name, via="tls"
            )
