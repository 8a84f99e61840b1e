"""What was different: states, differences, changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sre_orchestrator.core.models import Component, Edge, Scalar
from sre_orchestrator.core.ports import Delta
from sre_orchestrator.twin.history import Difference, State
from sre_orchestrator.twin.store import TwinStore

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
EARLIER = START - timedelta(days=30)
CART = "deployment/shop/cart"
WEB = "deployment/shop/web"


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


def cart(since: datetime | None = EARLIER, **attributes: Scalar) -> Component:
    return Component(id=CART, attributes=attributes, since=since)


@pytest.fixture
def twin() -> Iterator[TwinStore]:
    store = TwinStore()
    yield store
    store.close()


def told(twin: TwinStore, since: datetime = START - timedelta(minutes=1)) -> list[str]:
    seen = twin.changes(since, minute(99))
    return [f"{(one.at - START).total_seconds() / 60:g} {one.what}: {one.text}" for one in seen]


def test_the_first_look_at_a_cluster_is_no_change(twin: TwinStore) -> None:
    twin.sync([cart(), Component(id="node/worker-1")], [], START)

    assert told(twin) == []


def test_a_component_appeared_when_it_was_created_not_when_it_was_seen(twin: TwinStore) -> None:
    twin.sync([cart(since=minute(-0.5))], [], START)
    twin.sync([cart(since=minute(-0.5)), Component(id=WEB, since=minute(7)), Component(id="node/n")], [], minute(10))

    assert told(twin) == [
        f"-0.5 created: {CART} created",
        f"7 created: {WEB} created",
        "10 created: node/n created",
    ]


def test_a_creation_in_the_future_counts_when_it_was_seen(twin: TwinStore) -> None:
    twin.sync([cart(since=minute(600))], [], START)

    assert told(twin) == [f"0 created: {CART} created"]


def test_a_change_says_what_differs(twin: TwinStore) -> None:
    twin.sync([cart(images="cart:1", replicas=3, template_digest="aa", same=1, node="")], [], START)
    twin.sync([cart(images="cart:2", replicas=0, template_digest="bb", same=1, paused=True)], [], minute(5))

    assert told(twin) == [
        f"5 changed: {CART} changed: images cart:1 → cart:2; node none → none; paused none → True;"
        " replicas 3 → 0; template differs"
    ]


def test_what_went_and_came_back_is_told_both_times(twin: TwinStore) -> None:
    twin.sync([cart()], [], START)
    twin.sync([], [], minute(1))
    twin.sync([cart(since=minute(1.5))], [], minute(2))
    twin.sync([], [], minute(3))

    assert told(twin) == [
        f"1 removed: {CART} removed",
        f"1.5 created: {CART} created",
        f"3 removed: {CART} removed",
    ]


def test_what_came_back_with_its_old_creation_time_appeared_when_it_was_seen(twin: TwinStore) -> None:
    twin.sync([cart()], [], START)
    twin.sync([], [], minute(1))
    twin.sync([cart()], [], minute(2))

    assert told(twin)[-1] == f"2 created: {CART} created"


@pytest.mark.parametrize(("since", "at"), [(3, "3"), (-5, "4"), (9, "4")])
def test_a_component_made_anew_between_two_looks_is_recreated(twin: TwinStore, since: float, at: str) -> None:
    twin.sync([cart(replicas=1)], [], START)
    twin.sync([cart(since=minute(since), replicas=1)], [], minute(4))

    assert told(twin, since=EARLIER + timedelta(days=1)) == [f"{at} recreated: {CART} recreated"]
    assert twin.components()[0].since == minute(since)


def test_a_correction_that_ends_where_it_began_is_no_change(twin: TwinStore) -> None:
    twin.sync([cart(replicas=1)], [], START)
    twin.sync([cart(replicas=2)], [], minute(1))
    twin.sync([cart(replicas=1)], [], minute(1))

    assert told(twin) == []


def test_a_relation_that_appears_or_goes_is_a_change_of_its_source(twin: TwinStore) -> None:
    both = [cart(), Component(id=WEB, since=EARLIER)]
    calls = Edge(source=WEB, kind="depends_on", target=CART, provenance="env CART_ADDR")
    twin.sync(both, [], START)
    twin.sync(both, [calls], minute(1))
    twin.sync(both, [], minute(2))

    assert told(twin) == [
        f"1 related: {WEB} now depends_on {CART} (env CART_ADDR)",
        f"2 unrelated: {WEB} no longer depends_on {CART} (env CART_ADDR)",
    ]
    assert {one.component for one in twin.changes(START, minute(9))} == {WEB}


def test_relations_of_what_came_or_went_are_not_told_again(twin: TwinStore) -> None:
    calls = Edge(source=WEB, kind="depends_on", target=CART)
    twin.sync([cart()], [], START)
    twin.sync([cart(), Component(id=WEB)], [calls], minute(1))
    twin.sync([cart()], [], minute(2))

    assert told(twin) == [f"1 created: {WEB} created", f"2 removed: {WEB} removed"]


def test_another_provenance_is_kept_but_is_no_change_of_the_relation(twin: TwinStore) -> None:
    both = [cart(), Component(id=WEB, since=EARLIER)]
    twin.sync(both, [Edge(source=WEB, kind="depends_on", target=CART, provenance="env A")], START)
    twin.sync(both, [Edge(source=WEB, kind="depends_on", target=CART, provenance="env B")], minute(1))

    assert told(twin) == []
    assert [twin.as_of(at).edges[0].provenance for at in (START, minute(1))] == ["env A", "env B"]


def test_only_the_window_is_told(twin: TwinStore) -> None:
    for number in range(6):
        twin.sync([cart(replicas=number)], [], minute(number))

    assert [one.at for one in twin.changes(minute(2), minute(3))] == [minute(2), minute(3)]


def test_before_the_first_look_nothing_is_known(twin: TwinStore) -> None:
    assert twin.changes(EARLIER, minute(9)) == ()

    twin.sync([cart()], [], START)

    assert twin.as_of(START - timedelta(microseconds=1)) == State()


def test_a_difference_names_what_came_went_and_changed(twin: TwinStore) -> None:
    gone = Edge(source=WEB, kind="depends_on", target=CART)
    new = Edge(source=CART, kind="depends_on", target="service/shop/db")
    twin.sync([cart(replicas=1), Component(id=WEB)], [gone], START)
    twin.sync([cart(replicas=2), Component(id="service/shop/db")], [new], minute(1))

    assert twin.diff(START, minute(1)) == Difference(
        added=("service/shop/db",),
        removed=(WEB,),
        changed=(CART,),
        edges_added=(f"{CART} depends_on service/shop/db",),
        edges_removed=(f"{WEB} depends_on {CART}",),
    )


names = st.sampled_from(["pod/shop/a", "pod/shop/b", "service/bank/a", "node/n"])
component = st.builds(
    Component,
    id=names,
    attributes=st.dictionaries(st.sampled_from(["x", "y"]), st.integers(0, 1) | st.booleans() | st.text(max_size=2)),
    since=st.none() | st.integers(-9, 9).map(minute),
)
edge = st.builds(
    Edge, source=names, kind=st.sampled_from(["owns", "depends_on"]), target=names, provenance=st.sampled_from("ab")
)
picture = st.tuples(
    st.lists(component, unique_by=lambda one: one.id, max_size=4),
    st.lists(edge, unique_by=lambda one: (one.source, one.kind, one.target), max_size=4),
)
story = st.lists(st.tuples(st.integers(0, 2), picture), min_size=1, max_size=6)


@settings(deadline=None)  # the first example pays for the first connection
@given(story)
def test_every_moment_is_as_it_was_synced(steps: list[tuple[int, tuple[list[Component], list[Edge]]]]) -> None:
    twin, at, known = TwinStore(), 0, {}
    for pause, (components, edges) in steps:
        at += pause
        twin.sync(components, edges, minute(at))
        known[at] = State(
            components=tuple(sorted(components, key=lambda one: one.id)),
            edges=tuple(sorted(edges, key=lambda one: (one.source, one.kind, one.target))),
        )

    for number, state in known.items():
        assert twin.as_of(minute(number)) == state
        assert twin.as_of(minute(number + 0.5)) == state
    last = known[at]
    assert (twin.components(), twin.edges()) == (last.components, last.edges)
    twin.close()


@settings(deadline=None)  # the first example pays for the first connection
@given(story)
def test_a_difference_leads_from_one_state_to_the_other(
    steps: list[tuple[int, tuple[list[Component], list[Edge]]]],
) -> None:
    twin, at = TwinStore(), 0
    for pause, (components, edges) in steps:
        at += pause
        twin.sync([*components, Component(id="namespace/shop")], edges, minute(at))
    first, last = minute(steps[0][0]), minute(at)
    before, after = twin.as_of(first), twin.as_of(last)
    forth, back = twin.diff(first, last), twin.diff(last, first)

    ids = {one.id for one in before.components}
    assert (ids - set(forth.removed)) | set(forth.added) == {one.id for one in after.components}
    assert (forth.added, forth.removed, forth.changed) == (back.removed, back.added, back.changed)
    assert (forth.edges_added, forth.edges_removed) == (back.edges_removed, back.edges_added)
    told_of = {one.component for one in twin.changes(minute(-9), last) if one.what not in ("related", "unrelated")}
    assert {*forth.added, *forth.removed, *forth.changed} <= told_of
    twin.close()


def seen(twin: TwinStore, number: float) -> list[str]:
    return [f"{one.what}: {one.text}" for one in twin.seen_at(minute(number))]


def test_what_a_delta_changed_is_seen_at_its_time_whenever_it_happened(twin: TwinStore) -> None:
    selects = Edge(source="service/shop/cart", kind="selects", target=CART)
    twin.apply(Delta(components=(cart(), Component(id="service/shop/cart"))), START)
    twin.apply(Delta(components=(cart(replicas=2), Component(id=WEB, since=minute(-5)))), minute(1))
    twin.apply(Delta(gone=(WEB,), edges=(selects,)), minute(2))
    twin.apply(Delta(components=(Component(id=WEB, since=minute(2.5)),), edges_gone=(selects,)), minute(3))

    assert seen(twin, 0) == []
    assert seen(twin, 1) == [f"created: {WEB} created", f"changed: {CART} changed: replicas none → 2"]
    assert seen(twin, 2) == [
        f"removed: {WEB} removed",
        f"related: service/shop/cart now selects {CART} ()",
    ]
    assert seen(twin, 2.5) == []
    assert seen(twin, 3) == [
        f"created: {WEB} created",
        f"unrelated: service/shop/cart no longer selects {CART} ()",
    ]
