"""What roles and bindings allow, decided as the API server's RBAC does.

Source: kubernetes.io/docs/reference/access-authn-authz/rbac and pkg/apis/rbac/v1/evaluation_helpers.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.objects.rbac import (
    ClusterRole,
    ClusterRoleBinding,
    PolicyRule,
    Role,
    RoleBinding,
    Subject,
)

ANY = "*"
ACCOUNT = "system:serviceaccount:"
MASTERS = "system:masters"
ANONYMOUS = "system:anonymous"
Binding = RoleBinding | ClusterRoleBinding


class Request(Struct, frozen=True, kw_only=True):
    """What somebody asks of the API: a verb on a resource (``pods/log`` too), or on a ``path`` that is none.

    ``name`` is empty where no object is named (list, watch, create); ``namespace`` is empty for the whole cluster.
    """

    verb: str
    group: str = ""
    resource: str = ""
    name: str = ""
    namespace: str = ""
    path: str = ""


class Access:
    """The roles and bindings of a cluster, and what they allow."""

    def __init__(
        self,
        *,
        roles: Iterable[Role] = (),
        cluster_roles: Iterable[ClusterRole] = (),
        bindings: Iterable[RoleBinding] = (),
        cluster_bindings: Iterable[ClusterRoleBinding] = (),
    ) -> None:
        self.roles = {(one.metadata.namespace, one.metadata.name): one for one in roles}
        self.cluster_roles = {one.metadata.name: one for one in cluster_roles}
        self.bindings: Sequence[RoleBinding] = tuple(bindings)
        self.cluster_bindings: Sequence[ClusterRoleBinding] = tuple(cluster_bindings)

    def allows(self, user: str, request: Request) -> bool:
        """Say whether ``user`` (``system:serviceaccount:NAMESPACE:NAME`` for an account) may do what it asks."""
        groups = groups_of(user)
        return MASTERS in groups or any(
            self.gives(one, request) for one in self.reaching(request.namespace) if names(one, user, groups)
        )

    def reaching(self, namespace: str) -> Iterator[Binding]:
        """Yield the bindings that count for requests in ``namespace``, ``""``: in the whole cluster and for paths."""
        yield from self.cluster_bindings
        if namespace:
            yield from (one for one in self.bindings if one.metadata.namespace == namespace)

    def gives(self, binding: Binding, request: Request) -> bool:
        """Say whether the role of a binding allows a request, made where the binding counts by whom it names."""
        return any(rule_allows(rule, request) for rule in self.rules(binding) or ())

    def rules(self, binding: Binding) -> tuple[PolicyRule, ...] | None:
        """Return the rules that a binding gives, ``None`` where its role does not exist."""
        ref, namespace = binding.role_ref, binding.metadata.namespace
        if ref.kind == "Role":
            role = self.roles.get((namespace, ref.name)) if isinstance(binding, RoleBinding) else None
            return role.rules if role else None
        return self._cluster_rules.get(ref.name)

    @cached_property
    def _cluster_rules(self) -> dict[str, tuple[PolicyRule, ...]]:
        """Return the rules of each ClusterRole, with those of the roles that it is put together from."""
        return {name: self._aggregated(one) for name, one in self.cluster_roles.items()}

    def _aggregated(self, role: ClusterRole) -> tuple[PolicyRule, ...]:
        """Return the rules of a role and of all whose labels it, or one that it selects, selects.

        The controller writes them into the role; a role that nobody has written yet (a chart's) has none of its own.
        """
        met = {role.metadata.name: role}
        todo = [role]
        while todo:
            selectors = todo.pop().aggregation_rule
            for selector in selectors.cluster_role_selectors if selectors else ():
                for one in self.cluster_roles.values():
                    if one.metadata.name not in met and selector.matches(one.metadata.labels):
                        met[one.metadata.name] = one
                        todo.append(one)
        return tuple(rule for one in met.values() for rule in one.rules)


def groups_of(user: str) -> frozenset[str]:
    """Return the groups that a user is in whoever vouches for it.

    >>> sorted(groups_of("system:serviceaccount:shop:cart"))
    ['system:authenticated', 'system:serviceaccounts', 'system:serviceaccounts:shop']
    """
    if user == ANONYMOUS:
        return frozenset({"system:unauthenticated"})
    account = account_in(user)
    of_account = {"system:serviceaccounts", f"system:serviceaccounts:{account[0]}"} if account else set()
    return frozenset({"system:authenticated", *of_account})


def account_in(user: str) -> tuple[str, str] | None:
    """Return namespace and name of a service account, ``None`` where a user is none.

    >>> account_in("system:serviceaccount:shop:cart"), account_in("jane")
    (('shop', 'cart'), None)
    """
    namespace, colon, name = user.removeprefix(ACCOUNT).partition(":")
    return (namespace, name) if user.startswith(ACCOUNT) and colon and namespace and name else None


def names(binding: Binding, user: str, groups: frozenset[str]) -> bool:
    """Say whether a binding is for a user."""
    return any(_is(subject, user, groups, binding.metadata.namespace) for subject in binding.subjects)


def rule_allows(rule: PolicyRule, request: Request) -> bool:
    """Say whether a rule of a role allows a request."""
    if request.path:
        return has_verb(rule, request) and _has_path(rule, request.path)
    return (
        has_verb(rule, request) and has_group(rule, request) and has_resource(rule, request) and has_name(rule, request)
    )


def has_verb(rule: PolicyRule, request: Request) -> bool:
    """Say whether a rule is for the verb."""
    return not {ANY, request.verb}.isdisjoint(rule.verbs)


def has_group(rule: PolicyRule, request: Request) -> bool:
    """Say whether a rule is for the API group."""
    return not {ANY, request.group}.isdisjoint(rule.api_groups)


def has_resource(rule: PolicyRule, request: Request) -> bool:
    """Say whether a rule is for the resource; ``*/log`` is for that part of any, ``pods`` for no part of pods."""
    _, slash, part = request.resource.partition("/")
    wanted = {ANY, request.resource, *([f"*/{part}"] if slash else [])}
    return not wanted.isdisjoint(rule.resources)


def has_name(rule: PolicyRule, request: Request) -> bool:
    """Say whether a rule is for the named object, or for all of them."""
    return not rule.resource_names or request.name in rule.resource_names


def _has_path(rule: PolicyRule, path: str) -> bool:
    return any(
        one in (ANY, path) or (one.endswith(ANY) and path.startswith(one.rstrip(ANY))) for one in rule.non_resource_urls
    )


def _is(subject: Subject, user: str, groups: frozenset[str], namespace: str) -> bool:
    if subject.kind == "ServiceAccount":
        return account_in(user) == (subject.namespace or namespace, subject.name)
    return subject.name in groups if subject.kind == "Group" else subject.kind == "User" and subject.name == user
