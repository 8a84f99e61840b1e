"""Finds network addresses in configuration: URLs, DSNs, ``host:port`` and bare hosts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.objects.pods import Container

_NAME = r"[a-zA-Z0-9](?:[a-zA-Z0-9_-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9_-]*[a-zA-Z0-9])?)*"
_URL = re.compile(
    rf"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.:-]*?)://(?:[^\s/@,;]*@)?(?P<hosts>{_NAME}(?::\d+)?(?:,{_NAME}(?::\d+)?)*)"
)
_GO_DSN = re.compile(rf"@(?:tcp|udp)\((?P<host>{_NAME})(?::(?P<port>\d+))?\)")
_HOST_PORT = re.compile(rf"(?<![\w./@:-])(?P<host>{_NAME}):(?P<port>\d{{2,5}})(?![\w:.])")
_KEYED = re.compile(rf"\b(?:host|server|data source|addr(?:ess)?)\s*=\s*(?P<host>{_NAME})", re.IGNORECASE)
_DOMAIN = re.compile(rf"^{_NAME}\.svc(?:\.[a-z0-9.-]+)?\.?$")
_BARE = re.compile(rf"^{_NAME}$")
_ADDRESS_NAME = re.compile(
    r"(?:^|[_.-])(?:HOST(?:S|NAME)?|ADDR(?:ESS(?:ES)?)?|UR[LI]|ENDPOINTS?|DSN|SERVERS?|BROKERS?|BOOTSTRAP|NODES|UPSTREAM)$"
    r"|(?:HOST|ADDR|ADDRESS|URL|URI|ENDPOINT)$",
    re.IGNORECASE,
)
_PORT_NAME = re.compile(r"^(?P<stem>.*?)[_.-]?PORT$", re.IGNORECASE)
_STEM = re.compile(r"[_.-]?(?:HOST(?:NAME)?|ADDR(?:ESS)?|SERVER)$", re.IGNORECASE)
MAX_PORT = 65535
LOCAL = frozenset({"localhost", "127.0.0.1", "0.0.0.0"})


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
    """Return the addresses in a configuration value, in order; ``bare`` also takes a lone host name.

    >>> addresses_in("jdbc:mysql://orders-db:3306/orders?useSSL=false")
    (Address(host='orders-db', port=3306, scheme='mysql'),)
    >>> addresses_in("a:9092,b.shop.svc:9092")[1].host, addresses_in("hello"), addresses_in("redis", bare=True)[0].host
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
    if not found and (_DOMAIN.match(text.strip()) or (bare and _BARE.match(text.strip()))):
        found[_address(text.strip(), "")] = None
    return tuple(one for one in found if _plausible(one))


def references_in(container: Container, values: Mapping[str, tuple[str, str]] | None = None) -> Iterator[Reference]:
    """Yield the addresses that a container is given by variables and arguments.

    Args:
        container: the container; ``FOO_HOST`` takes its port from ``FOO_PORT``.
        values: variables that come from ConfigMaps: name → (value, origin).

    """
    plain = {
        one.name: (one.value, f"env {one.name} of container {container.name}") for one in container.env if one.value
    }
    every = {**(values or {}), **plain}
    for name, (value, origin) in every.items():
        for address in addresses_in(value, bare=bool(_ADDRESS_NAME.search(name))):
            yield Reference(
                address=_with_port(address, name, every), variable=name, container=container.name, origin=origin
            )
    for argument in (*container.command, *container.args):
        for address in addresses_in(argument):
            if address.port or address.scheme:
                yield Reference(
                    address=address,
                    variable="",
                    container=container.name,
                    origin=f"arguments of container {container.name}",
                )


def _with_port(address: Address, name: str, every: Mapping[str, tuple[str, str]]) -> Address:
    if address.port:
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
    """Leave out numbers, versions, loopback and ports that cannot be."""
    return address.host not in LOCAL and address.port <= MAX_PORT and any(letter.isalpha() for letter in address.host)


def service_of(host: str, namespace: str) -> tuple[str, str] | None:
    """Return (namespace, service) that a host names inside the cluster, or ``None`` for an outside name.

    >>> service_of("cart", "shop"), service_of("cart.other.svc.cluster.local", "shop"), service_of("api.example.com", "shop")
    (('shop', 'cart'), ('other', 'cart'), None)
    """
    labels = host.split(".")
    if len(labels) == 1:
        return namespace, labels[0]
    if len(labels) == 2 or labels[2] == "svc":  # noqa: PLR2004 - service.namespace
        return labels[1], labels[0]
    return None
