"""The chart permits what the program reads, and hardly more."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import pytest
from helm import Manifest, manifests, template

from sre_orchestrator.plugins.sources.k8s.permissions import rights
from sre_orchestrator.plugins.sources.ports import Right

SECRETS = ("", "secrets")
TOKENS = ("authentication.k8s.io", "tokenreviews", "create")  # asks whose a token is, and stores nothing
# Custom resources that `snapshot take` records where a cluster has them, their definitions, and the newer API of events.
RECORDED = {
    "apiextensions.k8s.io", "argoproj.io", "cert-manager.io", "events.k8s.io", "gateway.networking.k8s.io", "helm.toolkit.fluxcd.io", "keda.sh",
    "kustomize.toolkit.fluxcd.io", "monitoring.coreos.com", "networking.istio.io",
}  # fmt: skip
READING = {"get", "list", "watch"}
Given = set[tuple[str, str, str]]


def given(combination: str, kind: str) -> Given:
    """Return (group, resource, verb) that the chart's roles of a kind permit."""
    rendered = template("helm-4.3", combination=combination)
    assert rendered.returncode == 0, rendered.stderr
    roles = [one for one in manifests(rendered.stdout) if one["kind"] == kind]
    assert roles
    first, *others = [_permitted(one) for one in roles]
    assert all(one == first for one in others)
    return first


def _permitted(role: Manifest) -> Given:
    return {each for rule in role["rules"] for each in product(rule["apiGroups"], rule["resources"], rule["verbs"])}


def needed(of: Iterable[Right], *, secrets: bool) -> Given:
    return {
        (one.group, one.resource, verb)
        for one in of
        for verb in one.verbs
        if secrets or (one.group, one.resource) != SECRETS
    }


@pytest.mark.parametrize(("combination", "secrets"), [("default", False), ("helm-history", True)])
def test_the_cluster_role_permits_what_is_read(combination: str, secrets: bool) -> None:
    assert needed(rights(), secrets=secrets) - given(combination, "ClusterRole") == set()


@pytest.mark.parametrize(("combination", "secrets"), [("namespaced", False), ("namespaced-helm-history", True)])
def test_a_role_permits_what_is_read_in_a_namespace(combination: str, secrets: bool) -> None:
    namespaced = [one for one in rights() if one.namespaced]

    assert needed(namespaced, secrets=secrets) - given(combination, "Role") == set()


@pytest.mark.parametrize(
    ("combination", "kind"), [("helm-history", "ClusterRole"), ("namespaced-helm-history", "Role")]
)
def test_nothing_is_permitted_that_is_not_read(combination: str, kind: str) -> None:
    read = {TOKENS[:2], *((one.group, one.resource) for one in rights())}

    unread = {(group, resource) for group, resource, _ in given(combination, kind) if group not in RECORDED} - read
    assert unread == set()


@pytest.mark.parametrize(("combination", "kind"), [("default", "ClusterRole"), ("namespaced", "Role")])
def test_secrets_and_writing_are_never_permitted_by_default(combination: str, kind: str) -> None:
    permitted = given(combination, kind) - {TOKENS}

    assert {verb for _, _, verb in permitted} <= READING
    assert not [one for one in permitted if one[:2] == SECRETS or "*" in one]
