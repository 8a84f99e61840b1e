"""A mirror follows a cluster, and what it tells the twin amounts to what the cluster's lists would."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import anyio
from changing import objects, scene
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_twin import plain_components, plain_edges

from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.sources.components import identity
from sre_orchestrator.plugins.sources.mirror import Mirror
from sre_orchestrator.plugins.sources.ports import Changed, Dependency, Listing, Relisted
from sre_orchestrator.twin.store import TwinStore

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEPENDENCIES = [
    Dependency(namespace=place, caller=caller, callee=callee)
    for place, caller, callee in (("", "web", "cart"), ("shop", "cart", "web"), ("bank", "web", "web"))
]


class Model:
    """A cluster that changes, a mirror and a twin that follow it; what is expected of them is found from the objects."""

    def __init__(self) -> None:
        self.objects: dict[tuple[type[Object], str], Object] = {(type(one), identity(one)): one for one in scene()}
        self.dependencies: list[Dependency] = []
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

    def declare(self, dependencies: list[Dependency]) -> None:
        """Declare calls."""
        self.dependencies = dependencies
        self.mirror.declare(dependencies)

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
        self.mirror.declare(self.dependencies)

    def check(self) -> None:
        """Compare twin and mirror with what the objects give."""
        self.write()
        present = list(self.objects.values())
        assert self.twin.components() == plain_components(present)
        assert self.twin.edges() == plain_edges(present, self.dependencies)
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
    st.sampled_from([[], DEPENDENCIES[:1], DEPENDENCIES]).map(lambda few: lambda model: model.declare(few)),
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
