"""Roles and bindings: what accounts may do; the tokens that they show."""

from __future__ import annotations

import msgspec

from sre_orchestrator.plugins.objects.meta import Object, Part
from sre_orchestrator.plugins.objects.selectors import LabelSelector

GROUP = "rbac.authorization.k8s.io"


class AccountToken(Part, frozen=True, kw_only=True):
    """``projected.sources[].serviceAccountToken`` of a volume; without an audience it is for the API server."""

    audience: str = ""
    expiration_seconds: int = 3600
    path: str = ""


class PolicyRule(Part, frozen=True, kw_only=True):
    """What a rule of a role allows: verbs on resources of API groups, or on paths that are no resources."""

    verbs: tuple[str, ...] = ()
    api_groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()
    non_resource_urls: tuple[str, ...] = msgspec.field(name="nonResourceURLs", default=())


class Role(Object, frozen=True, kw_only=True):
    """A Role."""

    rules: tuple[PolicyRule, ...] = ()


class Aggregation(Part, frozen=True, kw_only=True):
    """``aggregationRule``: which ClusterRoles are put together."""

    cluster_role_selectors: tuple[LabelSelector, ...] = ()


class ClusterRole(Object, frozen=True, kw_only=True):
    """A ClusterRole."""

    rules: tuple[PolicyRule, ...] = ()
    aggregation_rule: Aggregation | None = None


class Subject(Part, frozen=True, kw_only=True):
    """Whom a binding names: a ``User``, a ``Group`` or a ``ServiceAccount``."""

    kind: str = ""
    name: str = ""
    namespace: str = ""


class RoleRef(Part, frozen=True, kw_only=True):
    """The role that a binding gives."""

    kind: str = ""
    name: str = ""


class RoleBinding(Object, frozen=True, kw_only=True):
    """A RoleBinding."""

    subjects: tuple[Subject, ...] = ()
    role_ref: RoleRef = RoleRef()


class ClusterRoleBinding(Object, frozen=True, kw_only=True):
    """A ClusterRoleBinding."""

    subjects: tuple[Subject, ...] = ()
    role_ref: RoleRef = RoleRef()
