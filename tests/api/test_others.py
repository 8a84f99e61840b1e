"""Sources beside the cluster are asked again and again; what they do not tell any more goes, unless they cannot be read."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime

import pytest

from sre_orchestrator.api import others
from sre_orchestrator.api.others import Others
from sre_orchestrator.core.hookspecs import Source
from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.plugins.sources.mirror import Mirror, Told
from sre_orchestrator.plugins.sources.ports import Dependency

NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)
PAY, MAIL = Component(id="external//pay"), Component(id="external//mail")
CALL = Edge(source="deployment/shop/cart", kind="depends_on", target=PAY.id)
DECLARED = Dependency(namespace="shop", caller="web", callee="cart")
Script = Sequence[Sequence[object]]
FOREVER = threading.Event()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(others, "AGAIN_SECONDS", 0.0)


class Theirs:
    """A source with a script for each time that it is asked; a callable is called."""

    def __init__(self, *script: Sequence[object], name: str = "theirs") -> None:
        self.name = name
        self.script = list(script)

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield the next script."""
        for one in self.script.pop(0):
            yield one() if callable(one) else one  # type: ignore[misc]  # whatever a plugin yields


class Calling(Theirs):
    """One that knows calls, too."""

    async def dependencies(self) -> Sequence[Dependency]:
        """Return a call, or fail."""
        calls = self.script.pop(0)
        return [one() if callable(one) else one for one in calls]  # type: ignore[misc]


def broken() -> object:
    raise RuntimeError("no answer")


def heard(*sources: Source, rounds: int = 1, seconds: float = 20.0) -> tuple[list[dict[str, Told]], list[Gap], Mirror]:
    """Return what the mirror was told in each round, which gaps were told, and the mirror."""
    stop, told, gaps = threading.Event(), [], list[Gap]()

    class Heard(Mirror):
        def hear(self, news: object, missing: object = ()) -> None:
            super().hear(news, missing)  # type: ignore[arg-type]
            told.append(dict(self.told))
            if len(told) == rounds:
                stop.set()

    mirror = Heard(())
    Others(sources, seconds, lambda: NOON).keep_asking(mirror, stop, gaps.append)
    return told, gaps, mirror


def test_what_is_no_longer_told_goes() -> None:
    told, gaps, mirror = heard(Theirs([PAY, MAIL], [MAIL]), rounds=2)

    assert [one["theirs"].components for one in told] == [(PAY, MAIL), (MAIL,)]
    assert (gaps, mirror.missing) == ([], ())


def test_relations_without_a_provenance_are_marked_by_the_source() -> None:
    told, _, _ = heard(Theirs([CALL]))

    assert [one.provenance for one in told[0]["theirs"].edges] == ["theirs"]


def test_one_that_fails_keeps_what_it_told_last_and_is_a_gap_once() -> None:
    newer = Component(id=PAY.id, attributes={"status": "down"})
    told, gaps, mirror = heard(Theirs([PAY, MAIL, CALL], [newer, broken], [newer, broken]), rounds=3)

    last = told[-1]["theirs"]
    assert last.components == (newer, MAIL)
    assert [one.target for one in last.edges] == [PAY.id]
    (gap,) = gaps
    assert gap.what == "what has changed since 2030-05-01T12:00:00Z in what this source knows for the twin"
    assert (gap.agent, gap.why) == ("theirs", "RuntimeError: no answer")
    assert mirror.missing == (gap,)


def test_one_that_answers_again_is_no_gap_any_more() -> None:
    told, gaps, mirror = heard(Theirs([broken], [PAY]), rounds=2)

    assert told[-1]["theirs"].components == (PAY,)
    assert [one.what for one in gaps] == [others.NEVER_TOLD]
    assert mirror.missing == ()


def test_one_that_hangs_delays_no_other() -> None:
    told, (gap,), _ = heard(Theirs([FOREVER.wait], name="stuck"), Theirs([PAY]), seconds=0.2)

    assert told[0]["theirs"].components == (PAY,)
    assert (gap.agent, gap.why) == ("stuck", "no answer within 0.2 s")


def test_two_of_the_same_name_are_told_apart() -> None:
    told, _, _ = heard(Theirs([PAY]), Theirs([MAIL]))

    assert {name: one.components for name, one in told[0].items()} == {"theirs": (PAY,), "theirs 2": (MAIL,)}


@pytest.mark.parametrize(("fails", "why"), [(broken, "RuntimeError: no answer"), (FOREVER.wait, "no answer within")])
def test_calls_stay_when_they_cannot_be_read(fails: Callable[[], object], why: str) -> None:
    told, (gap,), _ = heard(Calling([PAY], [DECLARED], [MAIL], [fails]), rounds=2, seconds=0.2)

    assert [one["theirs"].dependencies for one in told] == [(DECLARED,), (DECLARED,)]
    assert told[-1]["theirs"].components == (MAIL,)
    assert gap.why.startswith(why)


def test_what_is_told_after_the_end_is_not_heard() -> None:
    stop, mirror = threading.Event(), Mirror(())

    Others([Theirs([stop.set, PAY])]).keep_asking(mirror, stop, lambda _: None)

    assert mirror.told == {}


def test_a_source_of_its_own_gaps_is_heard() -> None:
    gap = Gap(agent="theirs", what="the rest", why="denied")

    _, gaps, mirror = heard(Theirs([PAY, gap]))

    assert (gaps, mirror.missing) == ([gap], (gap,))
