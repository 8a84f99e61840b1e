"""Reads what the API server writes when it refuses a request."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.objects.access import Request

SIGN = " cannot "
_Q = r"\\{0,3}[\"']"
_REFUSED = re.compile(
    rf"(?:\b[a-z]\S* {_Q}(?P<name>[^\"'\\\s]+){_Q} is forbidden: )?"
    rf"User {_Q}(?P<user>[^\"'\\]{{1,253}}){_Q} cannot (?P<verb>[a-z]+) "
    rf"(?:path {_Q}(?P<path>/[^\"'\\\s]*){_Q}"
    rf"|resource {_Q}(?P<resource>[\w./-]+){_Q} in API group {_Q}(?P<group>[\w.-]*){_Q}"
    rf"(?: in the namespace {_Q}(?P<namespace>[\w.-]+){_Q})?)"
)
_UNNAMED = frozenset({"list", "watch", "create", "deletecollection"})


class Refused(Struct, frozen=True, kw_only=True):
    """Whom the API server refused what."""

    user: str
    request: Request


def refusals_in(text: str) -> Iterator[Refused]:
    """Yield the refusals that a text tells of.

    >>> [one] = refusals_in('pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "shop"')
    >>> one.user, one.request.verb, one.request.resource, one.request.namespace
    ('jane', 'list', 'pods', 'shop')
    """
    for found in _REFUSED.finditer(text) if SIGN in text else ():
        verb, resource = found["verb"], found["resource"] or ""
        unnamed = verb in _UNNAMED and "/" not in resource  # to create a part of an object is to name it
        yield Refused(
            user=found["user"],
            request=Request(
                verb=verb,
                group=found["group"] or "",
                resource=resource,
                name="" if unnamed else found["name"] or "",
                namespace=found["namespace"] or "",
                path=found["path"] or "",
            ),
        )
