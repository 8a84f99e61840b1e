"""Permissions, asked of a real server that speaks the wire protocol, and of one that says what it is told to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from shop import pod, service, write_snapshot

from sre_orchestrator.api.wire import serving, store_of, write_kubeconfig
from sre_orchestrator.api.wire.store import Ask
from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.settings import ClusterAccess, Settings, SnapshotLimits
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.sources.k8s import Cluster, open_cluster
from sre_orchestrator.plugins.sources.k8s.permissions import LOGS, granted, line_for, rights, rules_for
from sre_orchestrator.plugins.sources.ports import Grant, Permissions, Right
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

PODS = Right(group="", resource="pods")
NODES = Right(group="", resource="nodes", namespaced=False)
SERVICES = Right(group="", resource="services")


@contextmanager
def reached(folder: Path, *denied: tuple[str, str, str]) -> Iterator[Cluster]:
    """Yield a cluster that denies (verb, resource, namespace); ``""`` is the whole cluster, ``*`` each of them."""

    def allows(ask: Ask) -> bool:
        named = ((ask.verb, "*"), (ask.resource.plural, "*"), (ask.namespace, "*"))
        return not any(all(part in pair for part, pair in zip(one, named, strict=True)) for one in denied)

    with open_snapshot(
        write_snapshot(folder / "snapshot", pod("cart-1"), service("cart")), SnapshotLimits()
    ) as snapshot:
        store = store_of(snapshot).store
        store.allows = allows
        with serving(store) as url:
            kubeconfig = write_kubeconfig(folder / "kubeconfig", url)
            cluster = open_cluster(Settings(cluster=ClusterAccess(kubeconfig=str(kubeconfig))), {})
            yield cluster
            cluster.close()


def grants(
    cluster: Cluster, *wanted: Right, namespaces: Sequence[str] = ("shop",)
) -> list[tuple[set[str], tuple[str, ...]]]:
    return [(set(one.places), one.lacking) for one in anyio.run(cluster.grants, wanted, namespaces)]


def test_a_cluster_answers_what_is_permitted(tmp_path: Path) -> None:
    with reached(tmp_path) as cluster:
        assert isinstance(cluster, Permissions)
        assert grants(cluster, PODS, LOGS) == [({"*"}, ()), ({"*"}, ())]
        assert {"", "apps"} <= anyio.run(cluster.api_groups)


def test_what_is_denied_everywhere_is_lacking(tmp_path: Path) -> None:
    with reached(tmp_path, ("*", "pods", "*"), ("watch", "services", "*")) as cluster:
        assert grants(cluster, PODS, SERVICES) == [(set(), ("list", "watch")), (set(), ("watch",))]


def test_what_is_permitted_in_a_namespace_only_is_told(tmp_path: Path) -> None:
    with reached(tmp_path, ("*", "*", "")) as cluster:
        assert grants(cluster, PODS) == [({"shop"}, ())]


def test_what_is_permitted_in_some_of_the_namespaces_is_lacking_in_the_others(tmp_path: Path) -> None:
    with reached(tmp_path, ("*", "*", ""), ("*", "*", "other")) as cluster:
        assert grants(cluster, PODS, namespaces=["shop", "other"]) == [({"shop"}, ("list", "watch"))]


def test_without_namespaces_the_cluster_is_asked(tmp_path: Path) -> None:
    with reached(tmp_path, ("*", "services", "*")) as cluster:
        assert grants(cluster, PODS, SERVICES, namespaces=()) == [({"*"}, ()), (set(), ("list", "watch"))]


def test_a_kind_without_namespaces_is_not_looked_for_in_one(tmp_path: Path) -> None:
    with reached(tmp_path, ("*", "*", "")) as cluster:
        assert grants(cluster, NODES) == [(set(), ("list", "watch"))]


class Scripted:
    """An API server that permits by rules that may not be all of them, and by single answers."""

    def __init__(
        self, rules: Sequence[dict[str, Any]], *allowed: tuple[str, str, str], incomplete: bool = False
    ) -> None:
        self._rules = list(rules)
        self._allowed = allowed
        self._incomplete = incomplete
        self.asked: list[str] = []

    def review(self, path: str, body: bytes) -> bytes:
        """Answer as told."""
        review = msgspec.json.decode(body)
        self.asked.append(path.rpartition("/")[2])
        if review["kind"] == "SelfSubjectRulesReview":
            return msgspec.json.encode({"status": {"resourceRules": self._rules, "incomplete": self._incomplete}})
        attributes = review["spec"]["resourceAttributes"]
        key = (attributes["verb"], attributes["resource"], attributes["namespace"])
        return msgspec.json.encode({"status": {"allowed": key in self._allowed}})


def rule(
    *resources: str, verbs: Sequence[str] = ("list", "watch"), groups: Sequence[str] = ("",), **more: Any
) -> dict[str, Any]:
    return {"verbs": list(verbs), "apiGroups": list(groups), "resources": list(resources), **more}


@pytest.mark.parametrize(
    "rules",
    [
        [rule("services", "pods")],
        [rule("*", verbs=["*"], groups=["*"])],
        [rule("pods", verbs=["list"]), rule("pods", verbs=["get", "watch"])],
    ],
)
def test_rules_of_a_namespace_are_understood(rules: list[dict[str, Any]]) -> None:
    assert list(granted(Scripted(rules), [PODS], ["shop"])) == [Grant(right=PODS, places=frozenset({"shop"}))]


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [rule("services")],
        [rule("pods", groups=["apps"])],
        [rule("pods", verbs=["list"])],
        [rule("pods", resourceNames=["cart-1"])],
    ],
)
def test_other_rules_give_nothing_and_spare_the_questions_about_the_cluster(rules: list[dict[str, Any]]) -> None:
    server = Scripted(rules)
    (grant,) = granted(server, [PODS], ["shop"])

    assert (grant.places, "watch" in grant.lacking) == (frozenset(), True)
    assert server.asked.count("selfsubjectaccessreviews") <= 1


def test_rules_that_may_not_be_all_are_asked_for_one_by_one() -> None:
    server = Scripted([], ("list", "pods", "shop"), ("watch", "pods", "shop"), incomplete=True)

    assert list(granted(server, [PODS], ["shop"])) == [Grant(right=PODS, places=frozenset({"shop"}))]


def test_a_server_without_an_answer_is_a_missing_source(tmp_path: Path) -> None:
    with reached(tmp_path) as cluster:
        pass

    with pytest.raises(SourceMissing, match="permissions cannot be asked for"):
        anyio.run(cluster.grants, [PODS], [])


def test_every_kind_that_is_listed_has_a_right_and_logs_too() -> None:
    named = {(one.group, one.resource) for one in rights()}

    assert named == {(listed.group, listed.plural) for listed in KINDS.values()} | {("", "pods/log")}


def test_rules_hold_no_more_than_was_wanted() -> None:
    wanted = (PODS, SERVICES, NODES, LOGS)

    assert rules_for(wanted, cluster=False) == [
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["list", "watch"]},
    ]
    assert {"apiGroups": [""], "resources": ["nodes", "pods", "services"], "verbs": ["list", "watch"]} in rules_for(
        wanted, cluster=True
    )


def test_the_line_that_would_give_a_right_says_where_it_goes() -> None:
    assert line_for(PODS) == 'ClusterRole: {apiGroups: [""], resources: ["pods"], verbs: [get, list, watch]}'
    assert line_for(PODS, "shop").startswith("Role in namespace shop: ")
    assert line_for(NODES, "shop").startswith("ClusterRole: ")
    assert line_for(LOGS, "shop") == 'Role in namespace shop: {apiGroups: [""], resources: ["pods/log"], verbs: [get]}'
