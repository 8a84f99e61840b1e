"""What this program may read, asked of the API server itself; the only requests that are no GET: reviews create nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from sre_orchestrator.plugins.objects.config import Secret
from sre_orchestrator.plugins.objects.registry import KINDS, Listed
from sre_orchestrator.plugins.sources.k8s.resources import CUSTOM, role_line
from sre_orchestrator.plugins.sources.ports import EVERYWHERE, Grant, Right

REVIEWS = "/apis/authorization.k8s.io/v1"
VERSION = "authorization.k8s.io/v1"
LOGS = Right(group="", resource="pods/log", verbs=("get",), needed_for="log of a container")


class Asking(Protocol):
    """A connection to an API server."""

    def review(self, path: str, body: bytes) -> bytes:
        """Return the answer to a review."""
        ...


class _ResourceRule(msgspec.Struct, rename="camel"):
    verbs: list[str] = []
    api_groups: list[str] = []
    resources: list[str] = []
    resource_names: list[str] = []

    def gives(self, right: Right, verb: str) -> bool:
        """Say whether the rule permits ``verb`` for every object of the resource."""
        return (
            not self.resource_names
            and not {verb, EVERYWHERE}.isdisjoint(self.verbs)
            and not {right.group, EVERYWHERE}.isdisjoint(self.api_groups)
            and not {right.resource, EVERYWHERE}.isdisjoint(self.resources)
        )


class _Status(msgspec.Struct, rename="camel"):
    allowed: bool = False
    incomplete: bool = False
    resource_rules: list[_ResourceRule] = []


class _Review(msgspec.Struct):
    status: _Status = msgspec.field(default_factory=_Status)


def rights() -> tuple[Right, ...]:
    """Return everything that the program reads through the API; ``optional`` is what it also does well without."""
    return (*(_right(kind is Secret or kind in CUSTOM, listed) for kind, listed in KINDS.items()), LOGS)


def rules_for(wanted: Iterable[Right], *, cluster: bool) -> list[dict[str, list[str]]]:
    """Return the RBAC rules that give ``wanted``: those of the whole cluster, or (``cluster=False``) of namespaced kinds."""
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for one in wanted:
        if cluster or one.namespaced:
            groups.setdefault((one.group, one.verbs), []).append(one.resource)
    return [
        {"apiGroups": [group], "resources": sorted(resources), "verbs": list(verbs)}
        for (group, verbs), resources in sorted(groups.items())
    ]


def line_for(right: Right, namespace: str = "") -> str:
    """Return the line of a ClusterRole, or of a Role in ``namespace``, that would give ``right``."""
    listed = Listed(kind=right.resource, plural=right.resource, group=right.group, folders=())
    verbs = ", ".join(dict.fromkeys(("get", *right.verbs)))
    return role_line(listed, namespace if right.namespaced else "", verbs)


def granted(connection: Asking, wanted: Sequence[Right], namespaces: Sequence[str]) -> Iterator[Grant]:
    """Yield where each right is given: one question for the rules of each namespace, else one for each right and verb.

    Rules do not say whether they hold in the whole cluster, so that is asked for one by one; what a namespace lacks,
    the cluster lacks.
    """
    rules = {one: _rules(connection, one) for one in namespaces}
    for right in wanted:
        lacking = [verb for verb in right.verbs if not _everywhere(connection, right, verb, rules)]
        if not lacking:
            yield Grant(right=right, places=frozenset({EVERYWHERE}))
            continue
        places = frozenset(
            place
            for place in (rules if right.namespaced else ())
            if all(_there(connection, right, verb, place, rules[place]) for verb in right.verbs)
        )
        whole = bool(places) and len(places) == len(rules)
        yield Grant(right=right, places=places, lacking=() if whole else tuple(lacking))


def _right(optional: bool, listed: Listed) -> Right:
    return Right(
        group=listed.group,
        resource=listed.plural,
        namespaced=listed.namespaced,
        needed_for=listed.kind,
        optional=optional,
    )


def _everywhere(connection: Asking, right: Right, verb: str, rules: Mapping[str, _Status]) -> bool:
    refuted = any(not one.incomplete and not _gives(one, right, verb) for one in rules.values())
    return not refuted and _access(connection, right, verb, "")


def _there(connection: Asking, right: Right, verb: str, place: str, rules: _Status) -> bool:
    return _gives(rules, right, verb) or (rules.incomplete and _access(connection, right, verb, place))


def _gives(rules: _Status, right: Right, verb: str) -> bool:
    return any(one.gives(right, verb) for one in rules.resource_rules)


def _rules(connection: Asking, namespace: str) -> _Status:
    return _asked(connection, "SelfSubjectRulesReview", {"namespace": namespace})


def _access(connection: Asking, right: Right, verb: str, namespace: str) -> bool:
    resource, _, subresource = right.resource.partition("/")
    attributes = {"group": right.group, "resource": resource, "subresource": subresource, "verb": verb}
    spec = {"resourceAttributes": {**attributes, "namespace": namespace}}
    return _asked(connection, "SelfSubjectAccessReview", spec).allowed


def _asked(connection: Asking, kind: str, spec: Mapping[str, object]) -> _Status:
    body = msgspec.json.encode({"apiVersion": VERSION, "kind": kind, "spec": spec})
    return msgspec.json.decode(connection.review(f"{REVIEWS}/{kind.lower()}s", body), type=_Review).status
