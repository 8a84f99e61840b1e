"""Finds the routes of gateways in configuration: Spring, Zuul, Envoy, Traefik, Ocelot, YARP, nginx, Apache, Caddy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.objects.addresses import Address, addresses_in
from sre_orchestrator.plugins.objects.settings_text import settings_in

_GROUP = re.compile(r"^(?P<group>.*\b(?:routes|routers)(?:\[\d+\]|\.[^.\[\]]+))\.(?P<rest>.+)$", re.IGNORECASE)
_POOL = re.compile(
    r"^(?P<group>.*?\b(?:clusters|services)(?:\[\d+\]|\.(?P<name>[^.\[\]]+)))\.(?P<rest>.+)$", re.IGNORECASE
)
_ID = re.compile(r"^(?:id|name|routeid)$", re.IGNORECASE)
_TARGET = re.compile(
    r"(?:^|[.\]])(?:ur[il]|service(?:id)?|cluster(?:id)?|upstream|backend|target|host|address)$", re.IGNORECASE
)
_PATH = re.compile(
    r"(?:^|[.\]])(?:path|paths\[\d+\]|prefix|pattern|rule|upstreampathtemplate|predicates\[\d+\]"
    r"|args\.(?:patterns?(?:\[\d+\])?|_genkey_\d+))$",
    re.IGNORECASE,
)
_PORT = re.compile(r"(?:^|[.\]])port(?:_value)?$", re.IGNORECASE)
_PATH_TEXT = re.compile(r"(?:Path(?:Prefix)?\s*(?:=|\(\s*[`'\"]))?(?P<path>/[^\s,`'\")]*)")
_OTHER_PREDICATE = re.compile(r"^(?!Path)[A-Z]\w+=")
_SPRING_VARIABLE = re.compile(r"^(?:SPRING_CLOUD_GATEWAY|ZUUL)_.*ROUTES?[_\[]", re.IGNORECASE)
_LOCATION = re.compile(r"\blocation\s+(?:(?:=|~\*?|\^~)\s*)?(?P<path>[^\s{]+)\s*\{")
_PASS = re.compile(r"\b(?:proxy_pass|grpc_pass|uwsgi_pass)\s+(?P<target>[^;\s]+)\s*;")
_SET = re.compile(r"\bset\s+\$(?P<name>\w+)\s+[\"']?(?P<value>[^;\"']+)[\"']?\s*;")
_UPSTREAM = re.compile(r"\bupstream\s+(?P<name>[\w.-]+)\s*\{(?P<body>[^}]*)\}")
_SERVER = re.compile(r"\bserver\s+(?P<host>[^\s;:]+)(?::(?P<port>\d+))?")
_SERVER_NAME = re.compile(r"\bserver_name\s+(?P<host>[\w.*-]+)")
_ONE_LINE = re.compile(
    r"^\s*(?:ProxyPass\s+(?P<apache>/\S*)|reverse_proxy\s+(?P<caddy>/\S+))\s+(?P<target>[^\s{]+)",
    re.MULTILINE | re.IGNORECASE,
)


class Route(Struct, frozen=True, kw_only=True):
    """One route: what it matches, which leading part of the path it takes away, and where it leads."""

    id: str = ""
    host: str = ""
    path: str = ""
    strips: str = ""
    target: Address


def lost_prefix(path: str, put: str) -> str:
    """Return the prefix of a path that is lost where ``put`` takes its place; nothing where that ends with it.

    >>> lost_prefix("/api/cart", "/"), lost_prefix("/cart/", "/shop/cart"), lost_prefix("/", "/")
    ('/api/cart', '', '')
    """
    prefix = path.rstrip("/")
    return "" if put.rstrip("/").endswith(prefix) else prefix


@lru_cache(maxsize=512)
def routes_in(text: str) -> tuple[Route, ...]:
    """Return the routes that a configuration text declares, in order.

    >>> routes_in("location /cart { proxy_pass http://cart:8080/; }")[0].target.host
    'cart'
    >>> one = routes_in('{"spring": {"cloud": {"gateway": {"routes": [{"id": "cart", "uri": "lb://cart", "predicates": ["Path=/cart/**"]}]}}}}')[0]
    >>> one.id, one.path, one.target.host
    ('cart', '/cart/**', 'cart')
    """
    if not re.search(r"rout|location|ProxyPass|reverse_proxy", text, re.IGNORECASE):
        return ()
    blocks = (*_nginx(text), *_one_line(text))
    return blocks or tuple(routes_of(settings_in(text)))


def routes_under(text: str, variables: Mapping[str, str]) -> tuple[Route, ...]:
    r"""Return the routes of a text as far as variables of the process leave them.

    Spring takes a list from one place only (docs.spring.io, "Externalized Configuration"): variables
    that make whole routes replace the text's. A lone part, such as a target, is put in its place.

    >>> text = "spring.cloud.gateway.routes[0].uri=lb://cart\nspring.cloud.gateway.routes[0].id=cart"
    >>> [one.target.host for one in routes_under(text, {"SPRING_CLOUD_GATEWAY_ROUTES_0_URI": "lb://orders"})]
    ['orders']
    """
    over = {_dotted(key): value for key, value in variables.items() if _SPRING_VARIABLE.match(key)}
    known = settings_in(text) if over else {}
    if not any(_GROUP.match(key) and key.startswith(("spring.", "zuul.")) for key in known):
        return routes_in(text)
    whole = any(one.path for one in routes_of(over))
    return () if whole else tuple(routes_of({**known, **over}))


def routes_of(settings: Mapping[str, str]) -> Iterator[Route]:
    """Yield the routes among flat settings (``….routes[0].uri``), and among variables that override them."""
    groups: dict[str, dict[str, str]] = {}
    for key, value in settings.items():
        match = _GROUP.match(_dotted(key))
        if match:
            groups.setdefault(match["group"], {})[match["rest"]] = value
    pools = _pools(settings)
    for name, group in groups.items():
        target = _first_target(group, pools)
        if target:
            paths = (_path(value) for key, value in group.items() if _PATH.search(key))
            path = next(filter(None, paths), "")
            yield Route(
                id=next((value for key, value in group.items() if _ID.match(key)), _key_name(name)),
                path=path,
                strips=_stripped(path, group),
                target=target,
            )


def _first_target(group: Mapping[str, str], pools: Mapping[str, Address]) -> Address | None:
    targets = (_target(value, pools, group) for key, value in group.items() if _TARGET.search(key))
    return next(filter(None, targets), None)


def _stripped(path: str, group: Mapping[str, str]) -> str:
    """Return what Spring's filter ``StripPrefix`` takes away: so many segments.

    >>> _stripped("/api/v1/cart/**", {"filters[0]": "StripPrefix=2"})
    '/api/v1'
    """
    for key, value in group.items():
        name, _, number = value.partition("=")
        parts = number or group.get(key.removesuffix("name") + "args.parts", "")
        if name.strip() == "StripPrefix" and parts.strip().isdigit():
            return "/".join(path.split("/")[: int(parts) + 1])
    return ""


def _dotted(key: str) -> str:
    """Return the dotted form of an environment variable that overrides a route.

    >>> _dotted("SPRING_CLOUD_GATEWAY_ROUTES_0_PREDICATES_0_")
    'spring.cloud.gateway.routes[0].predicates[0]'
    """
    if not _SPRING_VARIABLE.match(key):
        return key
    dotted = re.sub(r"(?:_(\d+)|\[(\d+)\])_?", lambda one: f"[{one[1] or one[2]}].", key.lower()).replace("_", ".")
    return dotted.rstrip(".").replace("..", ".")


def _key_name(group: str) -> str:
    """Return the name of a route that is a key of a mapping, not an entry of a list."""
    last = group.rpartition(".")[2]
    return "" if last.endswith("]") else last


def _path(value: str) -> str:
    if _OTHER_PREDICATE.match(value):
        return ""
    match = _PATH_TEXT.search(value)
    return match["path"] if match else ""


def _target(value: str, pools: Mapping[str, Address], group: Mapping[str, str]) -> Address | None:
    if value.startswith("/"):
        return None
    name = value.partition("@")[0]
    if name in pools:
        return pools[name]
    found = addresses_in(value, bare=True)
    if not found:
        return None
    port = next((int(one) for key, one in group.items() if _PORT.search(key) and one.isdigit()), 0)
    return Address(host=found[0].host, port=found[0].port or port, scheme=found[0].scheme)


def _pools(settings: Mapping[str, str]) -> dict[str, Address]:
    """Return the named destinations that routes refer to: Envoy's and YARP's clusters, Traefik's services."""
    groups: dict[str, dict[str, str]] = {}
    names: dict[str, str] = {}
    for key, value in settings.items():
        match = _POOL.match(key)
        if match and not _GROUP.match(key):
            groups.setdefault(match["group"], {})[match["rest"]] = value
            names[match["group"]] = match["name"] or names.get(match["group"], "")
    found: dict[str, Address] = {}
    for group, values in groups.items():
        target = _first_target(values, {})
        if target:
            found[names[group] or values.get("name", "")] = target
    return found


def _nginx(text: str) -> Iterator[Route]:
    upstreams = {
        match["name"]: Address(host=server["host"].lower(), port=int(server["port"] or 0))
        for match in _UPSTREAM.finditer(text)
        if (server := _SERVER.search(match["body"]))
    }
    variables = {match["name"]: match["value"] for match in _SET.finditer(text)}
    starts = list(_LOCATION.finditer(text))
    for number, match in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(text)
        passed = _PASS.search(text, match.end(), end)
        if passed is None:
            continue
        value = re.sub(r"\$(\w+)", lambda one: variables.get(one[1], one[0]), passed["target"])
        host = re.sub(r"^\w+://", "", value).partition("/")[0]
        found = (upstreams[host],) if host in upstreams else addresses_in(value, bare=True)
        named = list(_SERVER_NAME.finditer(text, 0, match.start()))
        if found:
            _, slash, put = re.sub(r"^\w+://", "", value).partition("/")
            yield Route(
                host=_named(named[-1]["host"]) if named else "",
                path=match["path"],
                strips=lost_prefix(match["path"], f"/{put}") if slash and match["path"].startswith("/") else "",
                target=found[0],
            )


def _named(host: str) -> str:
    return "" if host in {"_", "localhost"} else host


def _one_line(text: str) -> Iterator[Route]:
    for match in _ONE_LINE.finditer(text):
        found = addresses_in(match["target"], bare=True)
        if found:
            yield Route(path=match["apache"] or match["caddy"], target=found[0])
