"""Looks at the addresses that workloads are configured with, and where they lead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from sre_orchestrator.core.models import Fact, Scalar
from sre_orchestrator.plugins.agents.network.parts import Key, Observe, Template, service_id
from sre_orchestrator.plugins.agents.network.ports import ports_of
from sre_orchestrator.plugins.agents.network.view import View
from sre_orchestrator.plugins.agents.reading import kubectl_get
from sre_orchestrator.plugins.objects.addresses import Address, Reference
from sre_orchestrator.plugins.objects.naming import plain
from sre_orchestrator.plugins.objects.network import Service

NEARLY = 0.8
# Ports that a service offers by custom whatever the containers listen on.
FRONT = frozenset({80, 443})
# Families whose wrong ports are a matter of the database rules.
DATABASES = frozenset({"mysql", "postgres", "mongodb", "sqlserver", "oracle", "cassandra"})
DEFAULT_PORTS = {
    "http": 80, "https": 443, "mysql": 3306, "mariadb": 3306, "postgres": 5432, "postgresql": 5432,
    "mongodb": 27017, "redis": 6379, "amqp": 5672, "amqps": 5671, "nats": 4222,
}  # fmt: skip
FAMILIES = (
    ("mysql", 3306, ("mysql", "mariadb")),
    ("postgres", 5432, ("postgres", "pgsql", "postgresql", "jdbc_postgres")),
    ("mongodb", 27017, ("mongo",)),
    ("redis", 6379, ("redis", "valkey")),
    ("rabbitmq", 5672, ("rabbit", "amqp")),
    ("kafka", 9092, ("kafka",)),
    ("elasticsearch", 9200, ("elastic", "opensearch")),
    ("memcached", 11211, ("memcache",)),
    ("sqlserver", 1433, ("sqlserver", "mssql")),
    ("oracle", 1521, ("oracle",)),
    ("cassandra", 9042, ("cassandra",)),
)
_LITERAL = re.compile(
    r"^(?:\w+://)?(?:(?P<ip>\d{1,3}(?:\.\d{1,3}){3})|(?P<own>localhost))(?::(?P<port>\d{1,5}))?(?:/.*)?$"
)
_SUFFIXES = re.compile(
    r"[_.\-]?(?:HOSTS?|HOSTNAME|ADDR(?:S|ESS(?:ES)?)?|UR[LI]S?|ENDPOINTS?|DSN|SERVERS?|BROKERS?|NODES|UPSTREAM)$", re.I
)


@dataclass(frozen=True, kw_only=True)
class Use:
    """One address that one workload is configured with."""

    view: View
    template: Template
    reference: Reference
    observe: Observe

    @property
    def address(self) -> Address:
        """Return the address."""
        return self.reference.address

    @property
    def home(self) -> str:
        """Return the workload's namespace."""
        return self.template.namespace

    @property
    def stem(self) -> str:
        """Return what the variable is named for, as ``plain`` writes it."""
        return plain(_SUFFIXES.sub("", self.reference.variable))

    @property
    def others(self) -> Iterator[Template]:
        """Return the other workloads."""
        return (one for one in self.view.templates if one.id != self.template.id)

    def fact(self, kind: str, **attributes: Scalar | None) -> Fact:
        """Return a fact about the address."""
        shared: dict[str, Scalar | None] = {
            "host": self.address.host,
            "port": self.address.port or None,
            "variable": self.reference.variable or None,
            "origin": self.reference.origin,
            "family": family_of(self.address, self.reference.variable),
        }
        query = kubectl_get(self.template.id.partition("/")[0], self.template.namespace, self.template.name)
        return self.observe(kind, self.template.id, query=query, **{**shared, **attributes})


@dataclass(frozen=True, kw_only=True)
class Meant:
    """The service that an address must be meant for, and what shows it."""

    key: Key
    by: str


def look_at_addresses(view: View, observe: Observe) -> Iterator[Fact]:
    """Yield the configured addresses of the scope's workloads, and those that lead nowhere with what would fit."""
    for template in view.templates:
        if template.namespace in view.scope.namespaces:
            for reference in view.references[template.id]:
                yield from _led(Use(view=view, template=template, reference=reference, observe=observe))
            for reference in _literals(template):
                yield from _literal(Use(view=view, template=template, reference=reference, observe=observe))


def _literals(template: Template) -> Iterator[Reference]:
    """Yield variables that hold an IP address, or the pod itself where no second container could answer there."""
    for container in template.spec.containers:
        for one in container.env:
            match = _LITERAL.match(one.value)
            if match and (match["ip"] or len(template.listeners) == 1):
                address = Address(host=match["ip"] or match["own"], port=int(match["port"] or 0))
                origin = f"env {one.name} of container {container.name}"
                yield Reference(address=address, variable=one.name, container=container.name, origin=origin)


def _literal(use: Use) -> Iterator[Fact]:
    """Yield that a variable named for a service holds an address that is not that service's."""
    named = use.view.named.get((use.home, use.stem), ())
    own = {use.view.services[key].spec.cluster_ip for key in named}
    own |= {pod.status.pod_ip for key in named for pod in use.view.selected(use.view.services[key])}
    if use.stem and named and own - {"", "None"} and use.address.host not in own:
        yield use.fact(
            "address.mismatch",
            field="host",
            nearest=service_id(named[0]),
            expected=named[0][1],
            by="variable",
            exists=False,
            peers=_peers(use, named[0]),
            agreeing=0,
        )


def _led(use: Use) -> Iterator[Fact]:
    host, home = use.address.host, use.template.namespace
    found = use.view.find(host, home)
    absent = use.view.absent(host, home)
    if found is None and absent is None:
        return
    yield use.fact(
        "address.configured", scheme=use.address.scheme or None, service=service_id(found) if found else None
    )
    if any(one.route.target.host == host for one in use.view.routes.get(use.template.id, ())):
        return  # the look at routes tells where it leads
    if absent and host not in _aliases(use.template):
        yield _nowhere(use, absent)
    elif found:
        yield from _wrong_port(use, found)
        yield from _other_service(use, found)


def family_of(address: Address, variable: str) -> str | None:
    """Return the database or broker family of an address by scheme, host, variable name or port, in this order."""
    for text in (address.scheme, address.host, variable.lower()):
        for family, _, words in FAMILIES:
            if any(word in text for word in words):
                return family
    return next((family for family, port, _ in FAMILIES if port == address.port), None)


def _aliases(template: Template) -> frozenset[str]:
    return frozenset(name.lower() for alias in template.spec.host_aliases for name in alias.hostnames)


def _nowhere(use: Use, absent: Key) -> Fact:
    """Return the mismatch of a host that names no service."""
    elsewhere = sorted((key for key in use.view.services if key[1] == absent[1]), key=lambda key: key[0] != use.home)
    meant = Meant(key=elsewhere[0], by="host") if elsewhere else _meant(use, absent)
    return use.fact(
        "address.mismatch",
        field="namespace" if elsewhere else "host",
        nearest=service_id(meant.key) if meant else None,
        expected=meant.key[0 if elsewhere else 1] if meant else None,
        by=meant.by if meant else None,
        exists=False,
        absent=service_id(absent),
        named_workload=next((one.id for one in use.view.templates if (one.namespace, one.name) == absent), None),
        peers=_peers(use, meant.key) if meant else 0,
        agreeing=len(use.view.absentees[absent] - {use.template.id}),
    )


def _meant(use: Use, absent: Key) -> Meant | None:
    """Return the service that is spelt nearly so, that the variable is named for, or that alone has the port."""
    known = [key for key in sorted(use.view.services) if key[0] in {use.home, absent[0]}]
    same = [key for key in known if plain(key[1]) == plain(absent[1])]
    longer = [key for key in known if absent[1].startswith((f"{key[1]}-", f"{key[1]}_"))]
    close = get_close_matches(absent[1], [key[1] for key in known], n=1, cutoff=NEARLY)
    spelt = [*same, *reversed(longer), *(key for key in known if key[1] in close)]
    if spelt:
        return Meant(key=spelt[0], by="host")
    named = [key for key in known if plain(key[1]) == use.stem]
    if named:
        return Meant(key=named[0], by="variable")
    port = use.address.port
    fitting = [key for key in known if port and any(one.port == port for one in use.view.services[key].spec.ports)]
    return Meant(key=fitting[0], by="port") if len(fitting) == 1 else None


def _peers(use: Use, meant: Key) -> int:
    """Return how many other workloads give the same variable the fitting service."""
    return len(use.view.given.get((use.reference.variable, meant), frozenset()) - {use.template.id})


def _wrong_port(use: Use, found: Key) -> Iterator[Fact]:
    """Yield the mismatch of a port that the named service does not have."""
    service = use.view.services[found]
    port = use.address.port or DEFAULT_PORTS.get(use.address.scheme, 0)
    offered = _offered(use.view, service)
    if not port or not offered or port in offered:
        return
    used = [
        {
            one.address.port
            for one in use.view.references[other.id]
            if use.view.find(one.address.host, other.namespace) == found
        }
        for other in use.others
    ]
    yield use.fact(
        "address.mismatch",
        field="port",
        port=port,
        nearest=service_id(found),
        expected=" ".join(map(str, sorted(offered))),
        by="host",
        exists=True,
        peers=sum(bool(ports & offered) for ports in used),
        agreeing=sum(port in ports for ports in used),
        container_port=port in _behind(use.view, service),
        front=bool(offered & FRONT),
        database=family_of(use.address, use.reference.variable) in DATABASES,
    )


def _offered(view: View, service: Service) -> frozenset[int]:
    """Return the ports that a caller can use: those of the service; of a headless one the containers' too."""
    ports = frozenset(one.port for one in service.spec.ports)
    if service.spec.type == "ExternalName" or not service.spec.selector:
        return frozenset()
    if service.spec.cluster_ip == "None":
        behind = _behind(view, service)
        return ports | behind if behind else frozenset()
    return ports


def _behind(view: View, service: Service) -> frozenset[int]:
    return ports_of(one for template in view.behind(service) for one in template.listeners).numbers


def _other_service(use: Use, found: Key) -> Iterator[Fact]:
    """Yield that a variable named for one service leads to another, while nothing else here leads to the named one.

    A service whose name holds the variable's is one of its kind (``REDIS_HOST=cart-redis``).
    """
    named = use.view.named.get((use.home, use.stem), ())
    if not use.stem or not named or use.stem in plain(found[1]):
        return
    reached = {use.view.find(one.address.host, use.home) for one in use.view.references[use.template.id]}
    if reached & set(named):
        return
    yield use.fact(
        "address.mismatch",
        field="host",
        nearest=service_id(named[0]),
        expected=named[0][1],
        by="variable",
        exists=True,
        peers=_peers(use, named[0]),
    )
