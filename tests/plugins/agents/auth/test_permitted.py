"""The auth agent on refusals of the Kubernetes API, beside the roles and bindings that exist."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import Seen, look
from shop import deployment, event, patch, pod, thing, workload

from sre_orchestrator.core.models import Question
from sre_orchestrator.plugins.agents.auth import AuthAgent
from sre_orchestrator.plugins.agents.auth.messages import refusals_in

Json = dict[str, Any]
LOOKED_FOR = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "Event", "ServiceAccount")
CART = "system:serviceaccount:shop:cart"
WORKLOAD = "deployment/shop/cart"
LIST_PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}
ACCOUNT = {"kind": "ServiceAccount", "name": "cart", "namespace": "shop"}


def refusal(verb: str = "list", resource: str = "pods", group: str = "", place: str = "shop", user: str = CART) -> str:
    where = f'in the namespace "{place}"' if place else "at the cluster scope"
    head = f'{resource.partition("/")[0]} is forbidden: User "{user}"'
    return f'{head} cannot {verb} resource "{resource}" in API group "{group}" {where}'


def cart() -> list[Json]:
    replicas = workload("ReplicaSet", "cart-1", owner=("Deployment", "cart"))
    made = pod("cart-1-a", owner=("ReplicaSet", "cart-1"), spec={"serviceAccountName": "cart"})
    return [deployment("cart"), replicas, made, pod("web-1")]


def role(*rules: Json, kind: str = "Role", name: str = "reader", **more: Any) -> Json:
    return thing(kind, name, rules=list(rules or (LIST_PODS,)), **more)


def binding(
    *subjects: Json, kind: str = "RoleBinding", to: str = "Role/reader", name: str = "reads", **more: Any
) -> Json:
    of, _, role_name = to.partition("/")
    ref = {"kind": of, "name": role_name}
    return thing(kind, name, subjects=list(subjects or (ACCOUNT,)), roleRef=ref, **more)


def asked(tmp_path: Path, *objects: Json, line: str = "", kinds: tuple[str, ...] = LOOKED_FOR) -> Seen:
    """Ask for the permissions of the cart, whose log holds ``line``."""
    logs = {"shop/cart-1-a/app": f"2030-05-01T11:58:00Z INFO cart starts\n2030-05-01T11:59:00Z {line or refusal()}\n"}
    question = Question(kind="permission.checked", component=WORKLOAD)
    return look(AuthAgent(), tmp_path, *cart(), *objects, kinds=kinds, logs=logs, questions=[question])


def lacking(seen: Seen) -> tuple[object, ...]:
    found = seen.only("permission.checked").attributes
    return tuple(found.get(name) for name in ("lacks", "binding", "role", "nearest"))


def test_a_refusal_in_a_log_is_compared_with_the_roles_when_it_is_asked_for(tmp_path: Path) -> None:
    seen = asked(tmp_path)

    fact = seen.only("permission.checked")
    assert fact.component == WORKLOAD
    assert fact.attributes["allowed"] is False
    assert fact.attributes["lacks"] == "binding"
    assert fact.attributes["request"] == "list pods in namespace shop"
    assert fact.attributes["origin"] == "log"
    assert fact.query == f"kubectl auth can-i list pods -n shop --as={CART}"
    assert ("permission.checked", WORKLOAD) in seen.coverage


def test_nothing_is_read_in_logs_before_somebody_asks(tmp_path: Path) -> None:
    seen = look(AuthAgent(), tmp_path, *cart(), logs={"shop/cart-1-a/app": refusal() + "\n"}, kinds=LOOKED_FOR)

    assert seen.of("permission.checked") == []


def test_what_somebody_asks_of_another_agent_is_not_answered(tmp_path: Path) -> None:
    question = Question(kind="log.line", component=WORKLOAD)

    seen = look(AuthAgent(), tmp_path, *cart(), logs={"shop/cart-1-a/app": refusal()}, questions=[question])

    assert seen.facts == []


def test_what_the_roles_allow_by_now_is_allowed(tmp_path: Path) -> None:
    seen = asked(tmp_path, role(), binding())

    assert seen.only("permission.checked").attributes["allowed"] is True
    assert "lacks" not in seen.only("permission.checked").attributes


OTHER_ROLE = "Role/other"
READS, READER = "rolebinding/shop/reads", "role/shop/reader"


@pytest.mark.parametrize(
    ("objects", "line", "lack"),
    [
        ([binding()], refusal(), ("role", READS, READER, None)),
        ([role({**LIST_PODS, "verbs": ["get", "watch"]}), binding()], refusal(), ("verb", READS, READER, "get watch")),
        ([role({**LIST_PODS, "apiGroups": ["apps"]}), binding()], refusal(), ("group", READS, READER, "apps")),
        ([role(), binding()], refusal(group="metrics.k8s.io"), ("group", READS, READER, '""')),
        ([role(), binding()], refusal(resource="pods/log"), ("part", READS, READER, "pods")),
        (
            [role({**LIST_PODS, "verbs": ["get"], "resourceNames": ["cart-0"]}), binding()],
            'pods "cart-1" is forbidden: User "system:serviceaccount:shop:cart" cannot get resource "pods" in API group "" in the namespace "shop"',
            ("name", READS, READER, "cart-0"),
        ),
        ([role(), binding()], refusal(place=""), ("place", READS, READER, "shop")),
        ([role(), binding({**ACCOUNT, "namespace": "store"})], refusal(), ("subject", READS, READER, "store/cart")),
        ([role(), binding({**ACCOUNT, "name": "carts"})], refusal(), ("subject", READS, READER, "shop/carts")),
        ([role({**LIST_PODS, "resources": ["jobs"]}), binding()], refusal(), ("resource", READS, READER, None)),
        ([role(), binding({**ACCOUNT, "name": "payment"})], refusal(), ("binding", None, READER, None)),
        ([role(namespace="store")], refusal(), ("binding", None, None, None)),
    ],
)
def test_the_nearest_binding_and_what_it_lacks_are_named(
    tmp_path: Path, objects: list[Json], line: str, lack: tuple[str | None, ...]
) -> None:
    assert lacking(asked(tmp_path, *objects, line=line)) == lack


def test_a_binding_in_the_whole_cluster_is_named_as_one(tmp_path: Path) -> None:
    reader = role({**LIST_PODS, "verbs": ["get"]}, kind="ClusterRole", namespace="")
    bound = binding(kind="ClusterRoleBinding", to="ClusterRole/reader", namespace="")

    found = lacking(asked(tmp_path, reader, bound, line=refusal(place="")))

    assert found == ("verb", "clusterrolebinding/reads", "clusterrole/reader", "get")


@pytest.mark.parametrize(
    ("urls", "lack"), [(["/metrics"], "verb"), ([], "resource")], ids=["another verb", "another kind of rule"]
)
def test_a_path_is_asked_of_the_whole_cluster(tmp_path: Path, urls: list[str], lack: str) -> None:
    rule = {"nonResourceURLs": urls, "verbs": ["head"]} if urls else LIST_PODS
    reader = role(rule, kind="ClusterRole", namespace="")
    bound = binding(kind="ClusterRoleBinding", to="ClusterRole/reader", namespace="")

    seen = asked(tmp_path, reader, bound, line=f'forbidden: User "{CART}" cannot get path "/metrics"')

    fact = seen.only("permission.checked")
    assert (fact.attributes["path"], fact.attributes["lacks"]) == ("/metrics", lack)
    assert fact.query == f"kubectl auth can-i get /metrics --as={CART}"


def test_where_roles_were_not_read_it_is_a_gap_not_a_refusal(tmp_path: Path) -> None:
    seen = asked(tmp_path, kinds=("Role", "RoleBinding"))

    (gap,) = seen.gaps
    assert gap.what == "whether shop:cart may list pods"
    assert "clusterrolebindings" in gap.remedy
    assert seen.facts == []
    assert seen.coverage == set()


def test_a_permission_that_is_seen_needs_no_complete_list(tmp_path: Path) -> None:
    seen = asked(tmp_path, role(), binding(), kinds=())

    assert seen.only("permission.checked").attributes["allowed"] is True


def test_an_event_names_the_account_whose_workload_is_refused(tmp_path: Path) -> None:
    told = event("ReconcileError", refusal(), about=("Widget", "w"))
    elsewhere = event("ReconcileError", refusal(verb="delete"), about=("Widget", "v"), namespace="bank")
    later = patch(event("Late", refusal(verb="get"), about=("Widget", "u")), firstTimestamp="2030-05-01T13:00:00Z")
    quota = event("FailedCreate", 'pods "x" is forbidden: exceeded quota: team, used: pods=3', about=("Widget", "q"))

    seen = look(AuthAgent(), tmp_path, *cart(), told, elsewhere, later, quota, kinds=LOOKED_FOR)

    fact = seen.only("permission.checked")
    assert (fact.component, fact.attributes["origin"], fact.attributes["verb"]) == (WORKLOAD, "event", "list")


def test_the_refusal_of_a_person_is_about_what_the_event_is_about(tmp_path: Path) -> None:
    told = event("Failed", refusal(user="jane"), about=("Pod", "cart-1-a"))

    seen = look(AuthAgent(), tmp_path, *cart(), told, kinds=LOOKED_FOR)

    assert seen.only("permission.checked").component == WORKLOAD


@pytest.mark.parametrize(
    ("user", "component"),
    [
        (CART, WORKLOAD),
        ("system:serviceaccount:shop:nobody", "serviceaccount/shop/nobody"),
        ("jane@example.com", "user/jane@example.com"),
    ],
)
def test_an_incident_may_quote_a_refusal(tmp_path: Path, user: str, component: str) -> None:
    text = f"Error from server (Forbidden): {refusal(user=user)}, what now?"

    seen = look(AuthAgent(), tmp_path, *cart(), kinds=LOOKED_FOR, description=text)

    fact = seen.only("permission.checked")
    assert (fact.component, fact.attributes["origin"]) == (component, "incident")


def test_no_binding_of_an_account_is_near_to_a_person(tmp_path: Path) -> None:
    seen = look(
        AuthAgent(), tmp_path, *cart(), role(), binding(), kinds=LOOKED_FOR, description=refusal(user="cart@example")
    )

    assert lacking(seen) == ("binding", None, READER, None)


def test_a_refusal_that_is_told_twice_is_one_fact(tmp_path: Path) -> None:
    seen = look(
        AuthAgent(),
        tmp_path,
        *cart(),
        event("A", refusal(), about=("Widget", "w")),
        kinds=LOOKED_FOR,
        description=refusal(),
    )

    assert len(seen.of("permission.checked")) == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (refusal().replace('"', '\\"'), [("list", "", "pods", "", "shop", "")]),
        (refusal("watch", "deployments", "apps", ""), [("watch", "apps", "deployments", "", "", "")]),
        (
            'secrets "db" is forbidden: User "a" cannot get resource "secrets" in API group "" in the namespace "x"',
            [("get", "", "secrets", "db", "x", "")],
        ),
        (
            'pods "x" is forbidden: User "a" cannot create resource "pods/exec" in API group "" in the namespace "y"',
            [("create", "", "pods/exec", "x", "y", "")],
        ),
        ('forbidden: User "a" cannot get path "/metrics"', [("get", "", "", "", "", "/metrics")]),
        ("you cannot list everything that is forbidden here", []),
        ("nothing", []),
    ],
)
def test_refusals_are_read_as_the_api_server_writes_them(text: str, found: list[tuple[str, ...]]) -> None:
    requests = [one.request for one in refusals_in(text)]

    assert [(one.verb, one.group, one.resource, one.name, one.namespace, one.path) for one in requests] == found
