"""Says which leading part of a path a route takes away before it passes a request on."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sre_orchestrator.plugins.objects.custom import Middleware
from sre_orchestrator.plugins.objects.network import Ingress, MeshRoute, RouteRule
from sre_orchestrator.plugins.objects.routes import lost_prefix

_REWRITE = "nginx.ingress.kubernetes.io/rewrite-target"
_KONG = "konghq.com/strip-path"
_MIDDLEWARES = "traefik.ingress.kubernetes.io/router.middlewares"
_LITERAL = re.compile(r"[^(\[*?$]*")


def stripped_by_rule(rule: RouteRule, path: str) -> str:
    """Return what a rule of an HTTPRoute takes away of ``path``."""
    for one in rule.filters:
        modifier = one.url_rewrite.path
        if one.type == "URLRewrite" and modifier.type == "ReplacePrefixMatch":
            return lost_prefix(path, modifier.replace_prefix_match)
    return ""


def stripped_by_ingress(ingress: Ingress, path: str, middlewares: Iterable[Middleware]) -> str:
    """Return what the annotations of an ingress (nginx, Kong, Traefik) take away of ``path``."""
    annotations = ingress.metadata.annotations
    if _REWRITE in annotations:
        return lost_prefix(_literal(path), _literal(annotations[_REWRITE]))
    if annotations.get(_KONG) == "true":
        return lost_prefix(path, "/")
    used = {name.strip().partition("@")[0] for name in annotations.get(_MIDDLEWARES, "").split(",")}
    prefixes = (
        prefix
        for one in middlewares
        if f"{one.metadata.namespace}-{one.metadata.name}" in used
        for prefix in one.spec.strip_prefix.prefixes
    )
    return next((lost_prefix(one, "/") for one in prefixes if path.startswith(one)), "")


def stripped_in_mesh(route: MeshRoute, path: str) -> str:
    """Return what a route of a VirtualService takes away of the prefix that it matches."""
    return lost_prefix(path, route.rewrite.uri) if route.rewrite.uri else ""


def _literal(path: str) -> str:
    """Return a path up to its first group or wildcard.

    >>> _literal("/catalog(/|$)(.*)"), _literal("/$2")
    ('/catalog', '/')
    """
    return _LITERAL.match(path)[0]  # type: ignore[index]  # it matches the empty text, too
