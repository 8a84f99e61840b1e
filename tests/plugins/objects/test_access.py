"""What roles and bindings allow, also beside a plain evaluator that tries every grant."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shop import thing

from sre_orchestrator.plugins.objects.access import ANONYMOUS, Access, Request, groups_of
from sre_orchestrator.plugins.objects.rbac import ClusterRole, ClusterRoleBinding, Role, RoleBinding

CART = "system:serviceaccount:shop:cart"
TYPES = {"Role": Role, "ClusterRole": ClusterRole, "RoleBinding": RoleBinding, "ClusterRoleBinding": ClusterRoleBinding}
Json = dict[str, Any]
LIST_PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}


def access(*objects: Json) -> Access:
    """Return what objects allow."""
    found: dict[str, list[Any]] = {kind: [] for kind in TYPES}
    for one in objects:
        found[one["kind"]].append(msgspec.convert(one, TYPES[one["kind"]]))
    return Access(
        roles=found["Role"],
        cluster_roles=found["ClusterRole"],
        bindings=found["RoleBinding"],
        cluster_bindings=found["ClusterRoleBinding"],
    )


def role(*rules: Json, kind: str = "Role", name: str = "reader", **more: Any) -> Json:
    return thing(kind, name, rules=list(rules), **more)


def binding(*subjects: Json, kind: str = "RoleBinding", role: str = "Role/reader", namespace: str = "shop") -> Json:
    of, _, name = role.partition("/")
    subjects = subjects or ({"kind": "ServiceAccount", "name": "cart", "namespace": "shop"},)
    return thing(kind, "reads", namespace=namespace, subjects=list(subjects), roleRef={"kind": of, "name": name})


def asked(resource: str = "pods", verb: str = "list", namespace: str = "shop", **more: str) -> Request:
    return Request(verb=verb, resource=resource, namespace=namespace, **more)


@pytest.mark.parametrize(
    ("rule", "request_", "allowed"),
    [
        (LIST_PODS, asked(), True),
        (LIST_PODS, asked(verb="watch"), False),
        (LIST_PODS, asked("services"), False),
        (LIST_PODS, asked(group="apps"), False),
        (LIST_PODS, asked("pods/log"), False),
        (LIST_PODS, asked(namespace="other"), False),
        (LIST_PODS, asked(namespace=""), False),
        ({**LIST_PODS, "verbs": ["*"]}, asked(verb="deletecollection"), True),
        ({**LIST_PODS, "apiGroups": ["*"]}, asked(group="metrics.k8s.io"), True),
        ({**LIST_PODS, "apiGroups": []}, asked(), False),
        ({**LIST_PODS, "resources": ["*"]}, asked("pods/log"), True),
        ({**LIST_PODS, "resources": ["*/log"]}, asked("pods/log"), True),
        ({**LIST_PODS, "resources": ["*/log"]}, asked(), False),
        ({**LIST_PODS, "resources": ["pods/*"]}, asked("pods/log"), False),
        ({**LIST_PODS, "resourceNames": ["cart-0"]}, asked(name="cart-0"), True),
        ({**LIST_PODS, "resourceNames": ["cart-0"]}, asked(name="cart-1"), False),
        ({**LIST_PODS, "resourceNames": ["cart-0"]}, asked(), False),
    ],
)
def test_a_rule_allows_what_fits_in_all_its_parts(rule: Json, request_: Request, allowed: bool) -> None:
    assert access(role(rule), binding()).allows(CART, request_) is allowed


@pytest.mark.parametrize(
    ("subject", "user", "allowed"),
    [
        ({"kind": "ServiceAccount", "name": "cart"}, CART, True),
        ({"kind": "ServiceAccount", "name": "cart", "namespace": "other"}, CART, False),
        ({"kind": "ServiceAccount", "name": "carts", "namespace": "shop"}, CART, False),
        ({"kind": "User", "name": CART}, CART, True),
        ({"kind": "Group", "name": "system:serviceaccounts"}, CART, True),
        ({"kind": "Group", "name": "system:serviceaccounts:shop"}, CART, True),
        ({"kind": "Group", "name": "system:serviceaccounts:other"}, CART, False),
        ({"kind": "Group", "name": "system:authenticated"}, CART, True),
        ({"kind": "Group", "name": "system:authenticated"}, ANONYMOUS, False),
        ({"kind": "Group", "name": "system:unauthenticated"}, ANONYMOUS, True),
        ({"kind": "User", "name": "jane"}, "jane", True),
        ({"kind": "User", "name": "jane"}, "system:serviceaccount:shop", False),
        ({"kind": "Robot", "name": "jane"}, "jane", False),
    ],
)
def test_a_binding_is_for_whom_it_names(subject: Json, user: str, allowed: bool) -> None:
    assert access(role(LIST_PODS), binding(subject)).allows(user, asked()) is allowed


def test_a_role_that_is_not_there_allows_nothing() -> None:
    assert not access(binding()).allows(CART, asked())
    assert not access(binding(role="ClusterRole/reader")).allows(CART, asked())


def test_a_cluster_role_counts_where_it_is_bound() -> None:
    reader = role(LIST_PODS, kind="ClusterRole")

    here = access(reader, binding(role="ClusterRole/reader"))
    everywhere = access(reader, binding(kind="ClusterRoleBinding", role="ClusterRole/reader"))

    places = ("shop", "other", "")
    assert [here.allows(CART, asked(namespace=one)) for one in places] == [True, False, False]
    assert all(everywhere.allows(CART, asked(namespace=one)) for one in places)


def test_a_role_cannot_be_bound_in_the_whole_cluster() -> None:
    assert not access(role(LIST_PODS), binding(kind="ClusterRoleBinding")).allows(CART, asked())


@pytest.mark.parametrize(
    ("urls", "path", "allowed"),
    [
        (["/metrics"], "/metrics", True),
        (["/metrics"], "/metrics/cadvisor", False),
        (["/metrics/*"], "/metrics/cadvisor", True),
        (["*"], "/healthz", True),
        ([], "/healthz", False),
    ],
)
def test_paths_are_allowed_in_the_whole_cluster_only(urls: list[str], path: str, allowed: bool) -> None:
    reader = role({"nonResourceURLs": urls, "verbs": ["get"]}, kind="ClusterRole")
    request = Request(verb="get", path=path)

    everywhere = access(reader, binding(kind="ClusterRoleBinding", role="ClusterRole/reader"))
    here = access(reader, binding(role="ClusterRole/reader"))

    assert everywhere.allows(CART, request) is allowed
    assert not here.allows(CART, request)


def test_an_aggregated_role_has_the_rules_of_those_that_it_selects_also_in_circles() -> None:
    def aggregated(name: str, of: str, **more: Any) -> Json:
        selector = {"matchLabels": {"part-of": of}}
        return thing("ClusterRole", name, aggregationRule={"clusterRoleSelectors": [selector]}, rules=[], **more)

    found = access(
        aggregated("reader", "reading"),
        aggregated("middle", "deep", labels={"part-of": "reading"}),
        aggregated("around", "reading", labels={"part-of": "deep"}),
        role(LIST_PODS, kind="ClusterRole", name="deep", labels={"part-of": "deep"}),
        role({**LIST_PODS, "verbs": ["delete"]}, kind="ClusterRole", name="other", labels={"part-of": "other"}),
        binding(role="ClusterRole/reader"),
    )

    assert found.allows(CART, asked())
    assert not found.allows(CART, asked(verb="delete"))


def test_the_group_of_masters_may_do_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sre_orchestrator.plugins.objects.access.groups_of", lambda _: frozenset({"system:masters"}))

    assert access().allows("admin", asked())


VERBS, GROUPS, RESOURCES = ("get", "list"), ("", "apps"), ("pods", "pods/log", "jobs")
NAMESPACES, NAMES = ("shop", "other"), ("a", "b")
USERS = (CART, "system:serviceaccount:other:cart", "jane", ANONYMOUS)


def some(values: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), max_size=2, unique=True)


RULES = st.one_of(
    st.fixed_dictionaries(
        {
            "verbs": some((*VERBS, "*")),
            "apiGroups": some((*GROUPS, "*")),
            "resources": some((*RESOURCES, "*", "*/log")),
            "resourceNames": some(NAMES),
        }
    ),
    st.fixed_dictionaries({"verbs": some((*VERBS, "*")), "nonResourceURLs": some(("/a", "/a/*", "*"))}),
)
LABELS = st.sampled_from(("x", "y", "z"))
CLUSTER_ROLES = st.lists(
    st.fixed_dictionaries({"rules": st.lists(RULES, max_size=2), "label": LABELS, "of": st.none() | LABELS}), max_size=3
)
SUBJECTS = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {
                "kind": st.just("ServiceAccount"),
                "name": st.just("cart"),
                "namespace": st.sampled_from(("", *NAMESPACES)),
            }
        ),
        st.fixed_dictionaries({"kind": st.just("User"), "name": st.sampled_from(USERS)}),
        st.fixed_dictionaries(
            {
                "kind": st.just("Group"),
                "name": st.sampled_from(
                    (
                        "system:authenticated",
                        "system:unauthenticated",
                        "system:serviceaccounts",
                        "system:serviceaccounts:shop",
                    )
                ),
            }
        ),
    ),
    max_size=2,
)
BINDINGS = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(("RoleBinding", "ClusterRoleBinding")),
            "namespace": st.sampled_from(NAMESPACES),
            "subjects": SUBJECTS,
            "ref": st.tuples(st.sampled_from(("Role", "ClusterRole")), st.integers(0, 3)),
        }
    ),
    max_size=4,
)
ROLES = st.lists(
    st.fixed_dictionaries({"namespace": st.sampled_from(NAMESPACES), "rules": st.lists(RULES, max_size=2)}), max_size=3
)
REQUESTS = st.one_of(
    st.builds(
        Request,
        verb=st.sampled_from(VERBS),
        group=st.sampled_from(GROUPS),
        resource=st.sampled_from(RESOURCES),
        name=st.sampled_from(("", *NAMES)),
        namespace=st.sampled_from(("", *NAMESPACES)),
    ),
    st.builds(Request, verb=st.sampled_from(VERBS), path=st.sampled_from(("/a", "/a/b", "/b"))),
)


@settings(max_examples=300)
@given(roles=ROLES, cluster_roles=CLUSTER_ROLES, bindings=BINDINGS, request=REQUESTS, user=st.sampled_from(USERS))
def test_it_decides_like_a_plain_evaluator(
    roles: list[Json], cluster_roles: list[Json], bindings: list[Json], request: Request, user: str
) -> None:
    objects = [role(*one["rules"], name=f"r{n}", namespace=one["namespace"]) for n, one in enumerate(roles)]
    objects += [_cluster_role(f"r{n}", one) for n, one in enumerate(cluster_roles)]
    objects += [
        {**binding(*one["subjects"] or [{"kind": "User", "name": "nobody"}], kind=one["kind"], namespace=one["namespace"]),
         "roleRef": {"kind": one["ref"][0], "name": f"r{one['ref'][1]}"}}
        for one in bindings
    ]  # fmt: skip

    assert access(*objects).allows(user, request) is plainly(objects, user, request)


def _cluster_role(name: str, one: Json) -> Json:
    selectors = [{"matchLabels": {"label": one["of"]}}] if one["of"] else []
    made = role(*one["rules"], kind="ClusterRole", name=name, labels={"label": one["label"]})
    return {**made, "aggregationRule": {"clusterRoleSelectors": selectors}} if selectors else made


def plainly(objects: list[Json], user: str, request: Request) -> bool:
    """Expand every binding into single grants (place, who, verb, group, resource, name), and compare each."""
    rules = _put_together([one for one in objects if one["kind"] == "ClusterRole"])
    for one in objects:
        if not one["kind"].endswith("Binding"):
            continue
        here = one["metadata"]["namespace"]
        if one["kind"] == "RoleBinding" and (request.path or request.namespace != here):
            continue
        ref = one["roleRef"]
        given_ = rules.get(ref["name"], []) if ref["kind"] == "ClusterRole" else _of_role(objects, one)
        who = {_who(subject, here) for subject in one["subjects"]}
        if not who.isdisjoint({user, *groups_of(user)}) and any(_grants(rule, request) for rule in given_):
            return True
    return False


def _put_together(roles: list[Json]) -> dict[str, list[Json]]:
    rules = {one["metadata"]["name"]: list(one["rules"]) for one in roles}
    for _ in roles:  # as often as there are roles, every chain is through
        for one in roles:
            mine = rules[one["metadata"]["name"]]
            for selector in one.get("aggregationRule", {}).get("clusterRoleSelectors", ()):
                for other in roles:
                    if other["metadata"]["labels"]["label"] == selector["matchLabels"]["label"]:
                        mine += [rule for rule in rules[other["metadata"]["name"]] if rule not in mine]
    return rules


def _of_role(objects: list[Json], bound: Json) -> list[Json]:
    wanted = ("Role", bound["metadata"]["namespace"], bound["roleRef"]["name"])
    if bound["kind"] == "ClusterRoleBinding":
        return []
    same = (one for one in objects if (one["kind"], one["metadata"]["namespace"], one["metadata"]["name"]) == wanted)
    return [rule for one in same for rule in one["rules"]]


def _who(subject: Json, here: str) -> str:
    if subject["kind"] != "ServiceAccount":
        return str(subject["name"])
    return f"system:serviceaccount:{subject.get('namespace') or here}:{subject['name']}"


def _grants(rule: Json, request: Request) -> bool:
    if not any(verb in ("*", request.verb) for verb in rule["verbs"]):
        return False
    if request.path:
        return any(
            url == request.path or (url[-1] == "*" and request.path[: len(url) - 1] == url[:-1])
            for url in rule.get("nonResourceURLs", ())
        )
    names_ = rule.get("resourceNames") or [request.name]
    part = request.resource.split("/")[1] if "/" in request.resource else None
    return any(
        group in ("*", request.group)
        and (resource in ("*", request.resource) or (part is not None and resource == "*/" + part))
        and name == request.name
        for group in rule.get("apiGroups", ())
        for resource in rule.get("resources", ())
        for name in names_
    )
