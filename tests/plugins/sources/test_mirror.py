"""A mirror follows a cluster, and what it tells the twin amounts to what the cluster's lists would."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import anyio
import msgspec
from changing import decoded, objects, scene
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_twin import plain_components, plain_edges
from shop import node, pod, thing

from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.core.ports import Position, Record
from sre_orchestrator.plugins.objects.config import Secret
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.nodes import Node
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.sources.components import identity
from sre_orchestrator.plugins.sources.mirror import TOLD, Mirror, Told
from sre_orchestrator.plugins.sources.ports import Changed, Dependency, Listing, Reached, Relisted
from sre_orchestrator.twin.store import TwinStore

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEPENDENCIES = tuple(
    Dependency(namespace=place, caller=caller, callee=callee)
    for place, caller, callee in (("", "web", "cart"), ("shop", "cart", "web"), ("bank", "web", "web"))
)
SAID = [
    *(Component(id=identity(one), attributes={"said": "by another"}) for one in scene()[:4]),
    Component(id="external//pay"),
]
"""What other sources say: of objects that may be there, and of what is none."""


class Model:
    """A cluster that changes, a mirror and a twin that follow it; what is expected of them is found from the objects."""

    def __init__(self) -> None:
        self.objects: dict[tuple[type[Object], str], Object] = {(type(one), identity(one)): one for one in scene()}
        self.others = Told()
        self.twin = TwinStore()
        self.mirror = Mirror()
        self.version = 0
        self.at = START
        self.relist(tuple(KINDS))

    def put(self, item: Object) -> None:
        """Add or change an object."""
        self.version += 1
        self.objects[type(item), identity(item)] = item
        self.mirror.heed(Changed(kind=type(item), item=item, resource_version=str(self.version)))

    def delete(self, number: int) -> None:
        """Delete one of the objects."""
        if self.objects:
            key = sorted(self.objects, key=lambda one: (one[0].__name__, one[1]))[number % len(self.objects)]
            self.version += 1
            item = self.objects.pop(key)
            self.mirror.heed(Changed(kind=key[0], item=item, resource_version=str(self.version), deleted=True))

    def lose(self, number: int) -> None:
        """Lose what is beyond ``number`` unseen, and list everything again as after 410 Gone."""
        self.objects = dict(list(self.objects.items())[:number])
        self.relist(tuple(KINDS))

    def relist(self, kinds: tuple[type[Object], ...]) -> None:
        """Tell the lists of ``kinds``."""
        for kind in kinds:
            items = tuple(item for (one, _), item in self.objects.items() if one is kind)
            listing = Listing(items=items, complete_in=frozenset({"*"}))
            self.mirror.heed(Relisted(kind=kind, listing=listing, resource_version=str(self.version)))

    def tell(self, others: Told) -> None:
        """Let another source tell this."""
        self.others = others
        self.mirror.hear({"other": others})

    def write(self) -> None:
        """Write what the mirror has gathered."""
        self.at += timedelta(seconds=1)
        self.twin.apply(self.mirror.take().delta, self.at)

    def restart(self) -> None:
        """Begin again with what the twin remembers of the last write; the feed repeats what came after it."""
        self.write()
        self.mirror = Mirror()
        self.mirror.load(self.twin.records(), self.twin.positions())
        self.relist(tuple(kind for kind in KINDS if kind not in self.mirror.versions()))
        assert self.mirror.told.get("other", Told()) == self.others

    def check(self) -> None:
        """Compare twin and mirror with what the objects give."""
        self.write()
        present = list(self.objects.values())
        components = {one.id: one for one in (*self.others.components, *plain_components(present))}
        assert self.twin.components() == tuple(components[name] for name in sorted(components))
        assert self.twin.edges() == plain_edges(present, self.others.dependencies)
        for kind in KINDS:
            items = [item for (one, _), item in self.objects.items() if one is kind]
            listing = anyio.run(self.mirror.list, kind)
            assert {identity(one) for one in listing.items} == {identity(one) for one in items}


PUTS = st.lists(objects(), min_size=1, max_size=8).map(lambda items: lambda model: [model.put(one) for one in items])
STEPS = st.one_of(
    PUTS,
    PUTS,
    PUTS,
    st.lists(st.integers(0, 50), max_size=4).map(lambda some: lambda model: [model.delete(one) for one in some]),
    st.integers(0, 60).map(lambda number: lambda model: model.lose(number)),
    st.sampled_from([(), DEPENDENCIES[:1], DEPENDENCIES]).map(
        lambda few: lambda model: model.tell(Told(dependencies=few))
    ),
    st.lists(st.sampled_from(SAID), max_size=3).map(lambda few: lambda model: model.tell(Told(components=tuple(few)))),
    st.just(Model.write),
    st.just(Model.check),
    st.just(Model.restart),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, min_size=4, max_size=20))
def test_after_any_changes_the_twin_is_what_the_lists_give(steps: list[Callable[[Model], object]]) -> None:
    model = Model()

    for step in steps:
        step(model)

    model.check()


CART, WEB = decoded(pod("cart-1")), decoded(pod("web-1"))
EVERYWHERE = frozenset({"*"})


def told(
    *items: Object, complete_in: frozenset[str] = EVERYWHERE, version: str = "7", gaps: tuple[Gap, ...] = ()
) -> Relisted:
    return Relisted(
        kind=Pod, listing=Listing(items=items, complete_in=complete_in, gaps=gaps), resource_version=version
    )


def changed(item: Object, *, deleted: bool = False) -> Changed:
    return Changed(kind=type(item), item=item, resource_version="8", deleted=deleted)


def names(mirror: Mirror) -> list[str]:
    return [one.metadata.name for one in anyio.run(mirror.list, Pod).items]


def test_what_was_not_told_yet_is_a_gap() -> None:
    mirror = Mirror((Pod,), version="v1.34.0")
    listing = anyio.run(mirror.list, Pod)

    assert (listing.items, listing.complete_in) == ((), frozenset())
    assert [(gap.what, gap.why) for gap in listing.gaps] == [("all pods", "they have not been listed yet")]
    assert anyio.run(mirror.list, Secret).gaps[0].what == "all secrets"
    assert anyio.run(mirror.server_version) == "v1.34.0"
    assert not mirror.complete


def test_objects_are_listed_by_namespace_and_name_with_what_their_listing_said() -> None:
    mirror, gap = Mirror((Pod,)), Gap(agent="kubernetes", what="pods of bank", why="forbidden")
    mirror.heed(told(WEB, CART, complete_in=frozenset({"shop"}), gaps=(gap,)))
    mirror.heed(changed(decoded(pod("a", namespace="bank"))))

    listing = anyio.run(mirror.list, Pod)

    assert [one.metadata.name for one in listing.items] == ["a", "cart-1", "web-1"]
    assert (listing.complete_in, listing.gaps) == (frozenset({"shop"}), (gap,))
    assert anyio.run(mirror.list, Pod) is listing
    assert mirror.complete


def test_what_a_list_does_not_cover_stays_as_it_was_last_known() -> None:
    mirror = Mirror((Pod,))
    mirror.heed(told(CART, decoded(pod("a", namespace="bank"))))
    mirror.take()

    mirror.heed(told(WEB, complete_in=frozenset({"shop"})))
    assert names(mirror) == ["a", "web-1"]
    assert mirror.take().delta.gone == ("pod/shop/cart-1",)
    mirror.heed(told(complete_in=frozenset(), version="", gaps=(Gap(agent="k", what="pods", why="forbidden"),)))

    assert names(mirror) == ["a", "web-1"]
    assert mirror.take().delta.gone == ()
    assert mirror.versions() == {}


def test_nodes_are_covered_by_a_list_of_the_whole_cluster_only() -> None:
    mirror, one = Mirror((Node,)), decoded(node("node-a"))
    mirror.heed(Relisted(kind=Node, listing=Listing(items=(one,), complete_in=EVERYWHERE), resource_version="1"))
    for complete_in, left in ((frozenset({"shop"}), 1), (EVERYWHERE, 0)):
        mirror.heed(Relisted(kind=Node, listing=Listing(items=(), complete_in=complete_in), resource_version="1"))
        assert len(anyio.run(mirror.list, Node).items) == left


def test_a_batch_names_the_objects_as_they_are_now_or_last_were() -> None:
    mirror = Mirror((Pod,))
    mirror.heed(told(CART, WEB))
    mirror.take()
    failed = decoded(pod("cart-1", phase="Failed"))
    for news in (changed(failed), changed(WEB, deleted=True), changed(decoded(pod("brief")))):
        mirror.heed(news)
    mirror.heed(changed(decoded(pod("brief")), deleted=True))

    batch = mirror.take()

    assert [one.metadata.name for one in batch.changed] == ["cart-1"]
    assert [one.metadata.name for one in batch.deleted] == ["web-1"]
    assert [one.id for one in batch.delta.components] == ["pod/shop/cart-1"]
    assert batch.delta.gone == ("pod/shop/web-1",)
    assert [(one.id, bool(one.content)) for one in batch.delta.records] == [
        ("pod/shop/cart-1", True),
        ("pod/shop/web-1", False),
    ]


def test_an_object_that_is_told_again_as_it_is_changes_nothing() -> None:
    mirror = Mirror((Pod,))
    mirror.heed(told(msgspec.structs.replace(CART, kind="")))
    mirror.take()
    mirror.heed(changed(CART))
    mirror.heed(Reached(kind=Pod, resource_version="9"))

    assert not mirror.stirred
    batch = mirror.take()
    assert (batch.changed, batch.delta.components, batch.delta.records) == ((), (), ())
    assert [(one.kind, one.version) for one in batch.delta.positions] == [("Pod", "9")]


def test_the_first_batch_is_whole_and_no_other() -> None:
    mirror = Mirror((Pod,))
    mirror.heed(told(CART))

    assert [mirror.take().delta.whole for _ in range(2)] == [True, False]


def test_events_and_leases_are_told_but_not_kept() -> None:
    mirror = Mirror((Event,))
    event = decoded(thing("Event", "cart.backoff", reason="BackOff"))
    mirror.heed(Relisted(kind=Event, listing=Listing(items=(), complete_in=EVERYWHERE), resource_version="1"))
    mirror.heed(changed(event))

    batch = mirror.take()

    assert [one.metadata.name for one in batch.changed] == ["cart.backoff"]
    assert (batch.delta.records, batch.delta.positions, batch.delta.components) == ((), (), ())


def test_what_cannot_be_read_of_an_earlier_mirror_is_listed_again_and_forgotten() -> None:
    first = Mirror((Pod, Node))
    first.heed(told(CART, WEB))
    first.heed(Relisted(kind=Node, listing=Listing(items=(), complete_in=EVERYWHERE), resource_version="3"))
    kept = first.take().delta
    broken = Record(kind="Pod", id="pod/shop/web-1", content=b"not compressed")
    unknown = Record(kind="Spaceship", id="spaceship/x", content=zlib.compress(b"{}"))
    wrong = Record(kind="Pod", id="pod/shop/wrong", content=zlib.compress(b"[]"))
    again = Mirror((Pod, Node))

    again.load([kept.records[0], broken, unknown, wrong], [*kept.positions, Position(kind="Spaceship", version="1")])

    assert again.versions() == {Node: "3"}
    again.heed(told(CART, version="9"))
    records = again.take().delta.records
    assert {(one.kind, one.id, one.content) for one in records} == {
        ("Pod", "pod/shop/web-1", b""),
        ("Pod", "pod/shop/wrong", b""),
        ("Spaceship", "spaceship/x", b""),
    }


@settings(max_examples=20, deadline=None)
@given(st.lists(objects(), max_size=15))
def test_every_object_comes_back_from_its_record_as_it_was(items: list[Object]) -> None:
    first, again = Mirror(), Mirror()
    for item in items:
        first.heed(changed(item))
    kept = first.take().delta

    again.load(kept.records, [])

    lasting = [one for one in items if not isinstance(one, Event)]
    assert all(anyio.run(again.list, type(one)).items == () for one in lasting)  # until they are listed
    for item in items:
        again.heed(changed(item))
    assert again.take().delta.records == ()


def test_a_mirror_is_a_source_of_the_twin() -> None:
    mirror, gap = Mirror((Pod,)), Gap(agent="kubernetes", what="pods of bank", why="forbidden")
    mirror.heed(told(CART, complete_in=frozenset({"shop"}), gaps=(gap,)))

    async def collect() -> list[Component | Edge | Gap]:
        return [one async for one in mirror.sync()]

    found = anyio.run(collect)
    assert [one.id for one in found if isinstance(one, Component)] == ["pod/shop/cart-1"]
    assert [one.target for one in found if isinstance(one, Edge)] == ["node/node-a"]
    assert gap in found


def test_what_other_sources_know_comes_and_goes_with_them() -> None:
    mirror = Mirror((Pod,))
    mirror.heed(told(CART))
    release = Component(id="release/shop/cart")
    belongs = Edge(source="pod/shop/cart-1", kind="belongs_to_release", target=release.id, provenance="helm")
    mirror.hear({"other": Told(components=(release,), edges=(belongs,))})
    first = mirror.take().delta
    mirror.hear({"other": Told(components=(release,), edges=(belongs,))})
    same = mirror.take().delta
    mirror.hear({})
    last = mirror.take().delta

    assert release in first.components
    assert belongs in first.edges
    assert (same.components, same.edges, same.gone) == ((), (), ())
    assert (last.gone, [one.target for one in last.edges_gone]) == ((release.id,), [release.id])
    assert [(one.kind, one.id, bool(one.content)) for one in first.records if one.kind == TOLD] == [
        (TOLD, "other", True)
    ]
    assert (same.records, last.records) == ((), (Record(kind=TOLD, id="other", content=b""),))


def test_what_other_sources_told_is_known_after_a_restart_unless_it_cannot_be_read() -> None:
    mirror, told_last = Mirror((Pod,)), Told(components=(Component(id="external//pay"),))
    mirror.hear({"other": told_last, "broken": told_last})
    records = mirror.take().delta.records
    broken = [msgspec.structs.replace(one, content=b"?") if one.id == "broken" else one for one in records]

    again = Mirror((Pod,))
    again.load(broken, ())
    delta = again.take().delta

    assert again.told == {"other": told_last}
    assert delta.components == told_last.components
    assert delta.records == (Record(kind=TOLD, id="broken"),)


def test_a_mirror_is_read_while_it_is_told() -> None:
    mirror, items = Mirror((Pod,)), [decoded(pod(f"cart-{number}")) for number in range(300)]
    mirror.heed(told())

    def tell() -> None:
        for item in items:
            mirror.heed(changed(item))
            mirror.heed(changed(item, deleted=True))

    with ThreadPoolExecutor(3) as threads:
        telling = threads.submit(tell)
        counts = [len(names(mirror)) for _ in iter(telling.done, True)]
    assert set(counts) <= {0, 1}
    assert names(mirror) == []
