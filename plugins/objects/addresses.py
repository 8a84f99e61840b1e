"""Finds network addresses in configuration: URLs, DSNs, ``host:port`` and bare hosts."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.objects.pods import Container
from sre_orchestrator.plugins.objects.settings_text import expand, settings_in

_NAME = r"[a-zA-Z0-9](?:[a-zA-Z0-9_-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9_-]*[a-zA-Z0-9])?)*"
_URL = re.compile(
    rf"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.:-]*?)://(?:[^\s/@,;]*@)?(?P<hosts>{_NAME}(?::\d+)?(?:,{_NAME}(?::\d+)?)*)"
)
_GO_DSN = re.compile(rf"@(?:tcp|udp)\((?P<host>{_NAME})(?::(?P<port>\d+))?\)")
_HOST_PORT = re.compile(rf"(?<![\w./@:-])(?P<host>{_NAME}):(?P<port>\d{{2,5}})(?![\w:.])")
_KEYED = re.compile(
    rf"\b(?:host|server|data source|addr(?:ess)?)\s*=\s*(?P<host>{_NAME})(?![\w.:/-])(?:[;\s]+port\s*=\s*(?P<port>\d+))?",
    re.IGNORECASE,
)
_DOMAIN = re.compile(rf"^{_NAME}\.svc(?:\.[a-z0-9.-]+)?\.?$")
_BARE = re.compile(rf"^{_NAME}\.?$")
_ADDRESS_NAME = re.compile(
    r"(?:^|[_.-])(?:HOST(?:S|NAME)?|ADDR(?:S|ESS(?:ES)?)?|UR[LI]|ENDPOINTS?|DSN|SERVERS?|BROKERS?|BOOTSTRAP|NODES|UPSTREAM)$"
    r"|(?:HOST|ADDR|ADDRS|ADDRESS|ADDRESSES|URL|URI|ENDPOINT)$",
    re.IGNORECASE,
)
_PORT_NAME = re.compile(r"^(?P<stem>.*?)[_.-]?PORT$", re.IGNORECASE)
_STEM = re.compile(r"[_.-]?(?:HOST(?:NAME)?|ADDR(?:ESS)?|SERVER)$", re.IGNORECASE)
_OWN_NAMES = frozenset({"HOSTNAME", "HOST", "POD_NAME", "NODE_NAME", "SERVER_ADDRESS", "SERVER.ADDRESS"})
MAX_PORT = 65535
LOCAL = frozenset({"localhost", "127.0.0.1", "0.0.0.0"})
NO_HOSTS = frozenset({"true", "false", "yes", "no", "on", "off", "none", "null", "default", "auto"})


class Address(Struct, frozen=True, kw_only=True):
    """A host with its port (0 when none is given) and scheme, as configuration names it."""

    host: str
    port: int = 0
    scheme: str = ""


class Reference(Struct, frozen=True, kw_only=True):
    """An address and where it was found: ``env NAME of container X``, ``key K of configmap Y``."""

    address: Address
    variable: str
    container: str = ""
    origin: str


def addresses_in(text: str, *, bare: bool = False) -> tuple[Address, ...]:
    """Return the addresses in a configuration value, in order; ``bare`` also takes lone host names and lists of them.

    >>> addresses_in("jdbc:mysql://orders-db:3306/orders?useSSL=false")
    (Address(host='orders-db', port=3306, scheme='mysql'),)
    >>> addresses_in("kafka:9092,b.shop.svc:9092")[1].host, addresses_in("hello"), addresses_in("redis", bare=True)[0].host
    ('b.shop.svc', (), 'redis')
    """
    found: dict[Address, None] = {}
    rest = text
    for match in _URL.finditer(text):
        for part in match["hosts"].split(","):
            host, _, port = part.partition(":")
            found[_address(host, port, match["scheme"].rsplit(":", 1)[-1])] = None
        rest = rest.replace(match[0], " ")
    for pattern in (_GO_DSN, _HOST_PORT, _KEYED):
        for match in pattern.finditer(rest):
            found[_address(match["host"], match.groupdict().get("port") or "")] = None
    if not found:
        for part in filter(None, re.split(r"[,;\s]+", text.strip())) if bare else (text.strip(),):
            if _DOMAIN.match(part) or (bare and _BARE.match(part)):
                found[_address(part, "")] = None
    return tuple(one for one in found if _plausible(one))


def references_in(
    container: Container,
    values: Mapping[str, tuple[str, str]] | None = None,
    files: Mapping[str, str] | None = None,
) -> Iterator[Reference]:
    """Yield the addresses that a container is given by variables, arguments and configuration files.

    Args:
        container: the container; ``FOO_HOST`` takes its port from ``FOO_PORT``, ``a.b.host`` from ``a.b.port``.
        values: variables that come from ConfigMaps: name → (value, origin).
        files: the text of mounted configuration files: origin → text.

    """
    plain = {
        one.name: (one.value, f"env {one.name} of container {container.name}") for one in container.env if one.value
    }
    every = {**(values or {}), **plain}
    known = {name: value for name, (value, _) in every.items()}
    expanded = {name: (expand(value, known), origin) for name, (value, origin) in every.items()}
    yield from _referred(expanded, container.name)
    for name, (value, origin) in expanded.items():
        if value.lstrip().startswith("{"):
            yield from _referred({key: (one, origin) for key, one in settings_in(value).items()}, container.name, name)
    for origin, text in (files or {}).items():
        settings = {key: (expand(one, known), origin) for key, one in settings_in(text).items()}
        yield from _referred(settings, container.name)
    for argument in (*container.command, *container.args):
        for address in addresses_in(expand(argument, known)):
            if address.port or address.scheme:
                yield Reference(
                    address=address,
                    variable="",
                    container=container.name,
                    origin=f"arguments of container {container.name}",
                )


def _referred(every: Mapping[str, tuple[str, str]], container: str, variable: str = "") -> Iterator[Reference]:
    for name, (value, origin) in every.items():
        bare = bool(_ADDRESS_NAME.search(name)) and name.upper() not in _OWN_NAMES
        for address in addresses_in(value, bare=bare):
            yield Reference(
                address=_with_port(address, name, every),
                variable=variable or name,
                container=container,
                origin=origin,
            )


def _with_port(address: Address, name: str, every: Mapping[str, tuple[str, str]]) -> Address:
    if address.port or address.scheme:
        return address
    stem = _STEM.sub("", name)
    for other, (value, _) in every.items():
        match = _PORT_NAME.match(other)
        if match and match["stem"] == stem and value.isdigit():
            return Address(host=address.host, port=int(value), scheme=address.scheme)
    return address


def _address(host: str, port: str, scheme: str = "") -> Address:
    return Address(host=host.rstrip(".").lower(), port=int(port) if port.isdigit() else 0, scheme=scheme.lower())


def _plausible(address: Address) -> bool:
    """Leave out numbers, switches, versions (``v1:2``), loopback and ports that cannot be."""
    host = address.host
    return host not in LOCAL | NO_HOSTS and address.port <= MAX_PORT and sum(letter.isalpha() for letter in host) > 1


def service_of(host: str, namespace: str) -> tuple[str, str] | None:
    """Return (namespace, service) that a host names inside the cluster, or ``None`` for an outside name.

    A name below a service, as a StatefulSet's pods have it, is followed to the service where the
    form shows it (``db-0.db.shop.svc``).

    >>> service_of("cart", "shop"), service_of("cart.other.svc.cluster.local", "shop"), service_of("api.example.com", "shop")
    (('shop', 'cart'), ('other', 'cart'), None)
    >>> service_of("db-0.db.shop.svc.cluster.local", "web")
    ('shop', 'db')
    """
    labels = host.split(".")
    if len(labels) == 1:
        return namespace, labels[0]
    if len(labels) == 2 or labels[2] == "svc":  # noqa: PLR2004 - service.namespace
        return labels[1], labels[0]
    if len(labels) > 3 and labels[3] == "svc":  # noqa: PLR2004 - pod.service.namespace.svc
        return labels[2], labels[1]
    return None


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine.

    >>> [is_loopback(host) for host in ("127.0.0.2", "::1", "localhost", "10.0.0.1", "localhost.example", "")]
    [True, True, True, False, False, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
