"""What the API server says when it refuses an object."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.objects.quantity import parse_quantity

_QUOTA = re.compile(
    r"exceeded quota: (?P<quota>[^,]+), requested: (?P<requested>.+?), used: (?P<used>.+?), limited: (?P<limited>[^\s\"]+)"
)
_AMOUNT = re.compile(r"(?P<name>[\w./-]+)=(?P<amount>[\w.+-]+)")
_WEBHOOK_SERVICE = re.compile(r"https://(?P<name>[a-z0-9-]+)\.(?P<namespace>[a-z0-9-]+)\.svc(?:[.:/?\"]|$)")
_WORDS = tuple(
    (failure, re.compile(pattern, re.IGNORECASE))
    for failure, pattern in (
        (
            "service-account",
            r"serviceaccount \"(?P<name>[^\"]+)\" not found|service account \S*?(?P<other>[^/\s]+) was not found",
        ),
        ("requests-required", r"failed quota: (?P<name>[^:]+): must specify"),
        ("webhook-down", r"failed calling webhook \"(?P<name>[^\"]+)\"|failed to call webhook"),
        (
            "webhook-denied",
            r"admission webhook \"(?P<name>[^\"]+)\" denied|ValidatingAdmissionPolicy '(?P<other>[^']+)'.* denied request",
        ),
        (
            "pod-security",
            r"violates PodSecurity \"(?P<name>[^\"]+)\"|against any (?:pod security policy|security context constraint)",
        ),
        (
            "limit-range",
            r"(?:minimum|maximum) [\w./-]+ usage per \w+ is|max(?:imum)? limit to request ratio per|No (?:limit|request) is specified",
        ),
        ("invalid", r"\bis invalid: |Invalid value|must be (?:less|greater) than or equal"),
        ("forbidden", r"\bforbidden\b|cannot create resource"),
    )
)
_FAMILIES = tuple(
    (family, re.compile(pattern))
    for family, pattern in (
        ("storage", r"storage|persistentvolumeclaims"),
        ("cpu", r"^(?:requests\.|limits\.)?cpu$"),
        ("memory", r"^(?:requests\.|limits\.)?memory$"),
        ("pods", r"^(?:count/)?pods$"),
        ("services", r"^(?:count/)?services(?:\.|$)"),
    )
)


class Excess(Struct, frozen=True, kw_only=True):
    """A resource whose request does not fit into a quota any more."""

    quota: str
    resource: str
    requested: str
    used: str
    limited: str


class Refusal(Struct, frozen=True, kw_only=True):
    """Why an object was refused: a class of words, the name in them, the service behind a webhook."""

    failure: str
    name: str = ""
    service: str = ""


def family_of(resource: str) -> str:
    """Return the family of a quota's resource; what is counted and none of the known ones is ``objects``.

    >>> [family_of(one) for one in ("requests.cpu", "gold.storageclass.storage.k8s.io/requests.storage", "count/secrets")]
    ['cpu', 'storage', 'objects']
    """
    return next((family for family, pattern in _FAMILIES if pattern.search(resource)), "objects")


def excesses(text: str) -> tuple[Excess, ...]:
    """Return the resources that a message of an exceeded quota names and that do exceed; all of them when none adds up.

    >>> message = "exceeded quota: q, requested: pods=1,requests.cpu=2, used: pods=3,requests.cpu=3, limited: pods=9,requests.cpu=4"
    >>> [one.resource for one in excesses(message)]
    ['requests.cpu']
    """
    match = _QUOTA.search(text)
    if not match:
        return ()
    requested, used, limited = (_amounts(match[part]) for part in ("requested", "used", "limited"))
    named = [
        Excess(
            quota=match["quota"],
            resource=resource,
            requested=amount,
            used=used.get(resource, ""),
            limited=limited.get(resource, ""),
        )
        for resource, amount in requested.items()
    ]
    return tuple(one for one in named if _exceeds(one)) or tuple(named)


def refusal(text: str) -> Refusal:
    """Return why an object other than for a quota was refused.

    >>> refusal('pods "cart-" is forbidden: error looking up service account shop/cart: serviceaccount "cart" not found')
    Refusal(failure='service-account', name='cart', service='')
    """
    for failure, pattern in _WORDS:
        match = pattern.search(text)
        if match:
            groups = match.groupdict()
            name = groups.get("name") or groups.get("other") or ""
            return Refusal(failure=failure, name=name, service=_service(text) if failure == "webhook-down" else "")
    return Refusal(failure="other")


def _service(text: str) -> str:
    match = _WEBHOOK_SERVICE.search(text)
    return component_id("service", match["namespace"], match["name"]) if match else ""


def _amounts(text: str) -> Mapping[str, str]:
    return {match["name"]: match["amount"] for match in _AMOUNT.finditer(text)}


def _exceeds(one: Excess) -> bool:
    try:
        return parse_quantity(one.used) + parse_quantity(one.requested) > parse_quantity(one.limited)
    except ValueError:
        return False
