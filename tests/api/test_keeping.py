"""A twin is kept current: of a cluster over HTTP, through restarts of either side, and while writing fails."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest
from changing import decoded
from keeping import Heard, Scripted, eventually, kept, served
from plain_twin import plain_components, plain_edges
from shop import container, deployment, node, patch, pod, service, thing, workload

from sre_orchestrator.api import others
from sre_orchestrator.api.keeping import identity_of, keep, kept_twin, twin_path
from sre_orchestrator.api.others import Others
from sre_orchestrator.api.wire import Store, serving, write_kubeconfig
from sre_orchestrator.core.errors import InputError, SreError
from sre_orchestrator.core.hookspecs import Source
from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.core.ports import Delta
from sre_orchestrator.core.settings import ClusterAccess, Settings, TwinKeeping
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.workloads import Deployment
from sre_orchestrator.plugins.sources.k8s import open_cluster
from sre_orchestrator.plugins.sources.mirror import Mirror
from sre_orchestrator.plugins.sources.ports import Changed, Dependency, Listing, Reached, Relisted
from sre_orchestrator.twin.store import TwinStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUICK = TwinKeeping(batch_seconds=0.02)
CART = pod("cart-1", labels={"app": "cart"})
OBJECTS = (
    node("node-a"),
    deployment("cart"),
    workload("StatefulSet", "db"),
    CART,
    service("cart"),
    thing("ConfigMap", "cart", data={"app.yml": "a: 1"}),
    thing("Namespace", "kube-system", namespace=""),
)


@pytest.fixture
def store() -> Store:
    """Return a small cluster."""
    made = Store()
    for one in OBJECTS:
        made.apply(served(one))
    return made


def settings_for(folder: Path, url: str) -> Settings:
    access = ClusterAccess(kubeconfig=str(write_kubeconfig(folder / "kubeconfig", url)))
    return Settings(state_dir=str(folder / "state"), cluster=access, twin=QUICK)


def ids(twin: TwinStore) -> set[str]:
    return {one.id for one in twin.components()}


def content(path: Path) -> list[list[tuple[object, ...]]]:
    """Return every row of a twin's file, but not how far each kind has been read."""
    with closing(sqlite3.connect(path)) as connection:
        return [sorted(connection.execute(f"SELECT * FROM {table}")) for table in ("component", "edge", "record")]


def texts(twin: TwinStore, heard: Heard) -> list[str]:
    """Return what was seen, in order."""
    return [one.text for _, at in list(heard.batches) for one in twin.seen_at(at)]


def test_changes_of_the_cluster_are_changes_of_the_twin_and_say_what_differs(store: Store, tmp_path: Path) -> None:
    with serving(store) as url, kept(settings_for(tmp_path, url)) as (twin, heard, _):
        for changed in (
            thing("ConfigMap", "cart", data={"app.yml": "a: 2"}),
            deployment("cart", replicas=3, containers=[container(image="cart:2")]),
            workload("StatefulSet", "db", containers=[container(env=[{"name": "SIZE", "value": "2"}])]),
            pod("cart-2", labels={"app": "cart"}),
        ):
            before = len(texts(twin, heard))
            store.apply(served(changed))
            eventually(lambda before=before: len(texts(twin, heard)) > before)  # type: ignore[misc]
        store.delete("Pod", "cart-1", "shop")
        eventually(lambda: "pod/shop/cart-1" not in ids(twin))

        assert texts(twin, heard) == [
            "configmap/shop/cart changed: data app.yml differs",
            "deployment/shop/cart changed: images registry.example/app:1.0 → cart:2; replicas 1 → 3; template differs",
            "statefulset/shop/db changed: environment differs; template differs",
            "pod/shop/cart-2 created",
            "pod/shop/cart-1 removed",
        ]


def test_a_restart_reads_nothing_again_and_writes_nothing_when_nothing_happened(store: Store, tmp_path: Path) -> None:
    requests: list[str] = []
    with serving(store, on_answer=lambda method, path, status: requests.append(f"{method} {path} {status}")) as url:
        where = settings_for(tmp_path, url)
        with kept(where):
            pass
        before = content(twin_path(where))
        requests.clear()
        with kept(where) as (_, _, mirror):
            assert mirror.complete

    assert content(twin_path(where)) == before
    assert before[0]
    listed = {one.split()[1].partition("?")[0].rpartition("/")[2] for one in requests if "watch=" not in one}
    assert not listed & {"pods", "services", "deployments", "configmaps", "nodes"}
    assert {"events", "leases"} <= listed


def test_a_restart_catches_up_with_what_happened_meanwhile(store: Store, tmp_path: Path) -> None:
    with serving(store) as url:
        where = settings_for(tmp_path, url)
        with kept(where):
            pass
        store.delete("Pod", "cart-1", "shop")
        store.apply(served(pod("cart-2", labels={"app": "cart"})))
        with kept(where) as (twin, heard, _):
            eventually(lambda: "pod/shop/cart-2" in ids(twin))

            assert "pod/shop/cart-1" not in ids(twin)
            assert set(texts(twin, heard)) == {"pod/shop/cart-1 removed", "pod/shop/cart-2 created"}


def test_what_is_too_old_to_go_on_from_is_listed_again_and_its_differences_are_changes(
    store: Store, tmp_path: Path
) -> None:
    with serving(store) as url:
        where = settings_for(tmp_path, url)
        with kept(where):
            pass
        store.delete("Pod", "cart-1", "shop")
        store.apply(served(deployment("cart", replicas=0)))
        store.expire()
        with kept(where) as (twin, heard, _):
            eventually(lambda: "pod/shop/cart-1" not in ids(twin))
            eventually(lambda: len(texts(twin, heard)) == 2)

            assert set(texts(twin, heard)) == {
                "pod/shop/cart-1 removed",
                "deployment/shop/cart changed: replicas 1 → 0",
            }


def test_a_server_that_restarts_is_followed_again(store: Store, tmp_path: Path) -> None:
    with serving(store) as url:
        where = settings_for(tmp_path, url)
        port = urlsplit(url).port or 0
        running = kept(where)
        twin, _, _ = running.__enter__()
    try:
        store.apply(served(pod("cart-2", labels={"app": "cart"})))
        with serving(store, port=port):
            eventually(lambda: "pod/shop/cart-2" in ids(twin))
            store.apply(served(pod("cart-3", labels={"app": "cart"})))
            eventually(lambda: "pod/shop/cart-3" in ids(twin))
    finally:
        running.__exit__(None, None, None)


def test_another_cluster_by_the_same_name_is_read_from_the_start(store: Store, tmp_path: Path) -> None:
    with serving(store) as url, kept(settings_for(tmp_path, url)):
        pass
    other = Store()
    other.apply(served(patch(thing("Namespace", "kube-system", namespace=""), metadata={"uid": "another"})))
    with serving(other) as url, kept(settings_for(tmp_path, url)) as (twin, _, _):
        assert ids(twin) == {"namespace/kube-system"}
        assert {(one.kind, one.id) for one in twin.records()} == {("Namespace", "namespace/kube-system")}


def test_nothing_is_lost_of_many_changes(store: Store, tmp_path: Path) -> None:
    chance = random.Random(7)
    with serving(store) as url, kept(settings_for(tmp_path, url)) as (twin, _, mirror):
        known = {one["metadata"]["name"]: one for one in OBJECTS if one["kind"] == "Pod"}
        for number in range(1500):
            name = f"cart-{chance.randrange(200)}"
            if name in known and chance.random() < 0.3:
                del known[name]
                store.delete("Pod", name, "shop")
            else:
                labels = {"app": chance.choice(["cart", "web"])}
                known[name] = pod(name, labels=labels, phase=chance.choice(["Running", "Pending"]))
                store.apply(served(known[name]))
            if number % 300 == 0:
                store.expire()
        present = [decoded(one) for one in (*known.values(), *OBJECTS) if one["metadata"]["name"] != "cart-1"]
        present += [decoded(known["cart-1"])] if "cart-1" in known else []
        eventually(lambda: twin.components() == plain_components(present), "the last change")

        assert twin.edges() == plain_edges(present)
        assert len(anyio.run(mirror.list, Pod).items) == len(known)


def test_a_cluster_whose_namespaces_cannot_be_read_is_known_by_its_address(store: Store, tmp_path: Path) -> None:
    with serving(store) as url, closing(open_cluster(settings_for(tmp_path, url), {})) as cluster:
        assert identity_of(cluster) == "uid-Namespace--kube-system"
    store.allows = lambda ask: ask.resource.plural != "namespaces"
    with serving(store) as url, closing(open_cluster(settings_for(tmp_path, url), {})) as cluster:
        assert identity_of(cluster) == url


def test_one_process_keeps_a_twin(tmp_path: Path) -> None:
    where = Settings(state_dir=str(tmp_path))

    with (
        kept_twin(where, "a"),
        pytest.raises(InputError, match="another process keeps this twin"),
        kept_twin(where, "a"),
    ):
        pass


class Failing(TwinStore):
    """A twin whose disk is full now and then."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures

    def apply(self, delta: Delta, at: datetime) -> datetime:
        """Refuse, or do it."""
        if self.failures:
            self.failures -= 1
            raise InputError("the disk is full")
        return super().apply(delta, at)

    def prune(self, older_than: datetime, most_bytes: int) -> int:
        """Refuse, or do it."""
        if self.failures:
            raise InputError("the disk is full")
        return super().prune(older_than, most_bytes)


def listed(*items: dict[str, Any], kind: type[Object] = Pod, version: str = "1") -> Relisted:
    listing = Listing(items=tuple(decoded(one) for one in items), complete_in=frozenset({"*"}))
    return Relisted(kind=kind, listing=listing, resource_version=version)


def changed(item: dict[str, Any], version: str = "2") -> Changed:
    return Changed(kind=type(decoded(item)), item=decoded(item), resource_version=version)


class Keeping:
    """A keeper of pods and deployments in a thread; ``now`` is its clock."""

    def __init__(
        self, feed: Scripted, twin: Callable[[], TwinStore] = TwinStore, *, others: Sequence[Source] = ()
    ) -> None:
        self.now = NOON
        self.heard = Heard()
        self.stop = threading.Event()
        self.mirror = Mirror((Pod, Deployment))
        self.error: SreError | None = None
        self.seen: tuple[set[str], list[Edge]] = (set(), [])
        self._thread = threading.Thread(target=self._run, args=(feed, twin, others))

    def _run(self, feed: Scripted, twin: Callable[[], TwinStore], others: Sequence[Source]) -> None:
        with closing(twin()) as store:
            try:
                keep(
                    feed,
                    self.mirror,
                    store,
                    stop=self.stop,
                    listener=self.heard,
                    settings=QUICK,
                    others=Others(others),
                    clock=lambda: self.now,
                )
            except SreError as error:
                self.error = error
            self.seen = ids(store), list(store.edges())

    def later(self, by: timedelta) -> bool:
        """Set the clock forward."""
        self.now += by
        return True

    def __enter__(self) -> Keeping:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._thread.join()


def test_a_batch_that_cannot_be_written_is_written_later_and_nothing_is_lost() -> None:
    feed = Scripted(listed(CART), listed(kind=Deployment))
    with Keeping(feed, lambda: Failing(3)) as keeping:
        eventually(lambda: len(keeping.heard.errors) == 2)
        feed.news.put(changed(pod("cart-2")))
        eventually(lambda: len(keeping.heard.batches) >= 2)

    assert keeping.seen[0] == {"pod/shop/cart-1", "pod/shop/cart-2"}
    assert {str(one) for one in keeping.heard.errors} == {"the disk is full"}


def test_what_waits_is_written_at_the_end_unless_the_disk_stays_full() -> None:
    feed = Scripted(listed(CART), listed(kind=Deployment))
    with Keeping(feed, lambda: Failing(1_000_000)) as keeping:
        eventually(lambda: bool(keeping.heard.errors))

    assert keeping.seen[0] == set()
    assert keeping.error is None


def test_the_first_batch_waits_for_every_kind() -> None:
    feed = Scripted(listed(CART))
    with Keeping(feed) as keeping:
        eventually(lambda: bool(keeping.mirror.versions()))
        feed.news.put(listed(deployment("cart"), kind=Deployment))
        eventually(lambda: bool(keeping.heard.batches))

    assert {one.id for one in keeping.heard.batches[0][0].delta.components} == {
        "pod/shop/cart-1",
        "deployment/shop/cart",
    }


def test_a_kind_that_is_never_listed_holds_the_first_batch_up_for_a_minute() -> None:
    with Keeping(Scripted(listed(CART))) as keeping:
        eventually(lambda: keeping.later(timedelta(minutes=1)) and bool(keeping.heard.batches))

    assert keeping.seen[0] == {"pod/shop/cart-1"}


def test_an_end_before_every_kind_was_listed_writes_nothing() -> None:
    with Keeping(Scripted(listed(CART))) as keeping:
        eventually(lambda: bool(keeping.mirror.versions()))

    assert keeping.heard.batches == []


def test_bookmarks_alone_are_written_each_minute() -> None:
    feed = Scripted(listed(CART), listed(kind=Deployment))
    with Keeping(feed) as keeping:
        eventually(lambda: len(keeping.heard.batches) == 1)
        feed.news.put(Reached(kind=Pod, resource_version="9"))
        eventually(lambda: keeping.mirror.versions()[Pod] == "9")
        assert len(keeping.heard.batches) == 1
        keeping.now += timedelta(minutes=1)
        eventually(lambda: len(keeping.heard.batches) == 2)

    assert [one.version for one in keeping.heard.batches[1][0].delta.positions] == ["9"]


def test_a_feed_that_breaks_ends_the_keeping() -> None:
    feed = Scripted()
    feed.news.put(SreError("pods cannot be followed"))
    with Keeping(feed) as keeping:
        eventually(keeping.stop.is_set)

    assert str(keeping.error) == "pods cannot be followed"


def test_old_history_is_forgotten_while_the_twin_is_kept() -> None:
    feed = Scripted(listed(CART, pod("cart-2")), listed(kind=Deployment))
    remembered: list[int] = []

    class Watched(TwinStore):
        def prune(self, older_than: datetime, most_bytes: int) -> int:
            remembered.append(super().prune(older_than, most_bytes))
            return remembered[-1]

    with Keeping(feed, Watched) as keeping:
        eventually(lambda: bool(keeping.heard.batches))
        feed.news.put(listed(CART, version="3"))
        eventually(lambda: len(keeping.heard.batches) == 2)
        keeping.now += timedelta(days=8)
        eventually(lambda: any(remembered))

    assert sum(remembered) == 2


class Other:
    """A source that knows something beside the objects, and then does not answer."""

    name = "other"

    def __init__(self) -> None:
        self.asked = 0

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield a release, and what belongs to it."""
        self.asked += 1
        if self.asked > 1:
            raise RuntimeError("it does not answer")
        yield Component(id="release/shop/cart", attributes={"revision": 3})
        yield Edge(source="pod/shop/cart-1", kind="belongs_to_release", target="release/shop/cart", provenance="helm")
        yield Gap(agent="other", what="all else", why="nobody knows")

    async def dependencies(self) -> Sequence[Dependency]:
        """Return a call."""
        return [Dependency(namespace="shop", caller="web", callee="cart")]


class Stuck:
    """A source that hangs until it is let go."""

    name = "stuck"

    def __init__(self) -> None:
        self.over = threading.Event()

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield nothing, late."""
        self.over.wait()
        nothing: tuple[Component, ...] = ()
        for one in nothing:
            yield one


LISTED = (listed(CART), listed(deployment("web"), deployment("cart"), kind=Deployment))


def test_what_other_sources_know_is_part_of_the_twin_also_when_they_do_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(others, "AGAIN_SECONDS", 0.02)
    other = Other()
    with Keeping(Scripted(*LISTED), others=[other]) as keeping:
        eventually(lambda: other.asked > 3 and bool(keeping.heard.batches))

    assert keeping.seen[0] >= {"release/shop/cart", "pod/shop/cart-1"}
    assert [(one.kind, one.target, one.provenance) for one in keeping.seen[1] if one.kind != "runs_on"] == [
        ("depends_on", "deployment/shop/cart", "declared"),
        ("belongs_to_release", "release/shop/cart", "helm"),
    ]
    assert [one.why for one in keeping.heard.gaps] == ["nobody knows", "RuntimeError: it does not answer"]


def test_what_other_sources_told_outlives_a_restart_at_which_they_do_not_answer(tmp_path: Path) -> None:
    other, path = Other(), tmp_path / "twin.db"
    with Keeping(Scripted(*LISTED), lambda: TwinStore(path), others=[other]) as keeping:
        eventually(lambda: bool(keeping.heard.batches))

    with Keeping(Scripted(*LISTED), lambda: TwinStore(path), others=[other]) as again:
        eventually(lambda: bool(again.heard.batches))

    assert other.asked == 2
    assert "release/shop/cart" in again.seen[0]
    assert (again.seen, again.heard.batches[0][0].delta.whole) == (keeping.seen, True)
    with Keeping(Scripted(*LISTED), lambda: TwinStore(path)) as without:
        eventually(lambda: bool(without.heard.batches))
    assert "release/shop/cart" not in without.seen[0]


def test_a_source_that_hangs_holds_neither_the_twin_up_nor_its_end() -> None:
    stuck = Stuck()
    try:
        with Keeping(Scripted(*LISTED), others=[stuck]) as keeping:
            eventually(lambda: keeping.later(timedelta(minutes=1)) and bool(keeping.heard.batches))

        assert "pod/shop/cart-1" in keeping.seen[0]
    finally:
        stuck.over.set()


def test_contexts_have_twins_of_their_own() -> None:
    named = Settings(state_dir="state", cluster=ClusterAccess(context="arn:aws:eks/eu"))

    assert twin_path(named) == Path("state/twin/arn_aws_eks_eu.db")
    assert twin_path(Settings(state_dir="state")) == Path("state/twin/cluster.db")
