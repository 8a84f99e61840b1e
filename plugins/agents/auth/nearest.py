"""Finds the binding and role that come nearest to allowing a request, and what they lack."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.agents.similar import similar
from sre_orchestrator.plugins.objects.access import (
    Access,
    Binding,
    Request,
    account_in,
    groups_of,
    has_group,
    has_name,
    has_resource,
    has_verb,
    names,
)
from sre_orchestrator.plugins.objects.rbac import PolicyRule, RoleBinding, RoleRef

ORDER = ("name", "verb", "part", "group")
SHOWN = 6
_PARTS: dict[str, Callable[[PolicyRule, Request], bool]] = {
    "verb": has_verb,
    "group": has_group,
    "part": has_resource,
    "name": has_name,
}


class Lack(Struct, frozen=True, kw_only=True):
    """What keeps the nearest binding from allowing a request, and what it has ``instead``."""

    what: str
    binding: str = ""
    role: str = ""
    instead: str = ""


def lack_of(access: Access, user: str, request: Request) -> Lack:
    """Return what a user lacks for a request that is not allowed."""
    groups = groups_of(user)
    every: tuple[Binding, ...] = (*access.cluster_bindings, *access.bindings)
    mine = [one for one in every if names(one, user, groups)]
    own = [one for one in mine if names(one, user, frozenset())]
    here = [one for one in mine if _counts(one, request)]
    found = [
        *(_lack(one, "role") for one in own if _counts(one, request) and access.rules(one) is None),
        *_near(access, here, request),
        *(
            _lack(one, "place", one.metadata.namespace)
            for one in mine
            if one not in here and access.gives(one, request)
        ),
        *_of_others(access, user, groups, request),
        *(_lack(one, "resource") for one in own if _counts(one, request)),
    ]
    return found[0] if found else Lack(what="binding", role=_fitting(access, request))


def _counts(binding: Binding, request: Request) -> bool:
    return not isinstance(binding, RoleBinding) or binding.metadata.namespace == request.namespace


def _near(access: Access, bindings: Iterable[Binding], request: Request) -> list[Lack]:
    """Return the bindings of which a rule fits but for one part, those that lack least first."""
    found = [
        (ORDER.index(part), _lack(one, part, _instead(rule, part)))
        for one in bindings
        for rule in access.rules(one) or ()
        if (part := _only_lacking(rule, request))
    ]
    return [lack for _, lack in sorted(found, key=lambda one: one[0])]


def _only_lacking(rule: PolicyRule, request: Request) -> str:
    """Return the one part in which a rule does not fit; another resource counts only where it is a part of the same."""
    if request.path:
        return "verb" if rule.non_resource_urls and not has_verb(rule, request) else ""
    lacking = [name for name, fits in _PARTS.items() if not fits(rule, request)]
    if len(lacking) != 1 or not rule.resources:
        return ""
    whole = request.resource.partition("/")[0]
    related = any(one.partition("/")[0] == whole for one in rule.resources)
    return lacking[0] if lacking[0] != "part" or related else ""


def _instead(rule: PolicyRule, part: str) -> str:
    has = {"verb": rule.verbs, "group": rule.api_groups, "part": rule.resources, "name": rule.resource_names}[part]
    return " ".join(one or '""' for one in has[:SHOWN])


def _of_others(access: Access, user: str, groups: frozenset[str], request: Request) -> Iterator[Lack]:
    """Yield the bindings that would do, and name an account of another namespace, or nearly this one."""
    account = account_in(user)
    if account is None:
        return
    for one in access.reaching(request.namespace):
        if names(one, user, groups) or not access.gives(one, request):
            continue
        accounts = [subject for subject in one.subjects if subject.kind == "ServiceAccount"]
        near = similar(account[1], [subject.name for subject in accounts])
        for subject in accounts:
            if subject.name in (account[1], near):
                yield _lack(one, "subject", f"{subject.namespace or one.metadata.namespace}/{subject.name}")


def _fitting(access: Access, request: Request) -> str:
    """Return a role of the namespace that would allow it, if there is one."""
    for namespace, name in sorted(access.roles):
        bound = RoleBinding(role_ref=RoleRef(kind="Role", name=name), metadata=access.roles[namespace, name].metadata)
        if namespace == request.namespace and access.gives(bound, request):
            return component_id("role", namespace, name)
    return ""


def _lack(binding: Binding, what: str, instead: str = "") -> Lack:
    namespaced = isinstance(binding, RoleBinding)
    here, ref = binding.metadata.namespace if namespaced else None, binding.role_ref
    return Lack(
        what=what,
        binding=component_id("rolebinding" if namespaced else "clusterrolebinding", here, binding.metadata.name),
        role=component_id(ref.kind, here if ref.kind == "Role" else None, ref.name),
        instead=instead,
    )
