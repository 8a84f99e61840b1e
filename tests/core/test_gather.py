"""Whatever an agent does, the investigation goes on and says what it could not see."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NoReturn

import anyio
import pytest
from investigation import NOW, Scripted, parts, scope
from rulebook import OBSERVE, pod

from sre_orchestrator.core import gather as module
from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.gather import Observations, gather
from sre_orchestrator.core.hookspecs import Agent, Sources
from sre_orchestrator.core.models import Coverage, Fact, Gap

CRASH = OBSERVE("crash", pod("a"))
LIMIT = OBSERVE("limit", pod("a"))
READ = Coverage(kind="crash", scope="*")


def asked(*agents: Agent, **settings: Any) -> Observations:
    return anyio.run(gather, scope(*(agent.name for agent in agents)), parts(agents, **settings))


def kinds(seen: Observations) -> list[str]:
    return sorted(one.kind for one in seen.facts)


def raising(error: BaseException) -> Any:
    def act() -> NoReturn:
        raise error

    return act


def test_what_agents_see_is_put_together() -> None:
    blind = Gap(agent="two", what="logs", why="rotated")

    seen = asked(Scripted("one", CRASH, READ), Scripted("two", LIMIT, CRASH, blind))

    assert seen.facts == tuple(sorted((CRASH, LIMIT), key=lambda fact: fact.id))
    assert seen.coverage == (READ,)
    assert seen.gaps == (blind,)
    assert set(seen.agents_ms) == {"one", "two"}


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ValueError("no such pod"), "ValueError: no such pod"),
        (RuntimeError("url redis://:hunter2@cache"), "RuntimeError: url redis://:***@cache"),
        (SystemExit(3), "SystemExit: 3"),
        (asyncio.CancelledError(), "CancelledError: "),
        (GeneratorExit(), "GeneratorExit: "),
        (MemoryError(), "MemoryError: "),
        (RecursionError("too deep"), "RecursionError: too deep"),
    ],
)
def test_an_agent_that_raises_becomes_a_gap_and_keeps_what_it_said(error: BaseException, why: str) -> None:
    seen = asked(Scripted("bad", CRASH, raising(error), LIMIT), Scripted("good", LIMIT))

    assert kinds(seen) == ["crash", "limit"]
    assert [(gap.agent, gap.what, gap.why) for gap in seen.gaps] == [("bad", "everything it had not yet reported", why)]


def test_an_agent_without_its_source_says_which() -> None:
    class Metrics:
        pass

    class Needy(Scripted):
        def gather(self, scope: Any, sources: Sources) -> Any:
            self.script = (lambda: sources.need(Metrics),)
            return super().gather(scope, sources)

    (gap,) = asked(Needy("needy")).gaps

    assert (gap.what, gap.why) == (
        "everything it looks at",
        "no metrics source: this snapshot or cluster does not offer one",
    )


@pytest.fixture
def stuck() -> Iterator[threading.Event]:
    """An event that a hanging agent waits for; it is let go when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def test_an_agent_that_hangs_in_blocking_code_becomes_a_gap(stuck: threading.Event) -> None:
    seen = asked(
        Scripted("stuck", CRASH, lambda: stuck.wait(60) and LIMIT), Scripted("good", LIMIT), agent_timeout_seconds=0.2
    )

    assert kinds(seen) == ["crash", "limit"]
    assert [(gap.agent, gap.why, gap.remedy) for gap in seen.gaps] == [
        ("stuck", "no answer within 0.2 s", "raise agent_timeout_seconds")
    ]


def test_what_a_late_agent_says_is_not_kept(stuck: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = threading.Event()
    monkeypatch.setattr(module._Kept, "add", _noting(module._Kept.add, refused))

    asked(Scripted("late", CRASH, lambda: stuck.wait(60) and LIMIT), agent_timeout_seconds=0.2)
    stuck.set()

    assert refused.wait(10)


def _noting(add: Any, refused: threading.Event) -> Any:
    def noted(self: Any, observation: object) -> bool:
        taken: bool = add(self, observation)
        if not taken:
            refused.set()
        return taken

    return noted


def test_an_agent_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_OBSERVATIONS", 3)

    seen = asked(Scripted("endless", *[CRASH] * 9))

    assert seen.facts == (CRASH,)
    assert seen.gaps[0].why == "it did not end after 3 observations"


def fact(**wrong: Any) -> Fact:
    fields = {"id": CRASH.id, "kind": "crash", "component": pod("a"), "attributes": {}, "agent": "x"}
    return Fact(**{**fields, **wrong})


@pytest.mark.parametrize(
    ("garbage", "why"),
    [
        (None, "yielded a NoneType, not a Fact, Coverage or Gap"),
        ("a finding", "yielded a str, not a Fact, Coverage or Gap"),
        (Fact, "yielded a "),
        (fact(kind="crush"), "unknown fact kind 'crush'; did you mean 'crash'?"),
        (fact(kind="limit"), "limit is not among the kinds that it declares"),
        (fact(kind=["crash"]), "is no text"),
        (fact(id=7), "is no text"),
        (fact(observed_at="noon"), "observed_at must be a time with a zone"),
        (fact(observed_at=datetime(2030, 1, 1)), "observed_at must be a time with a zone"),  # noqa: DTZ001 - that is the point
        (fact(attributes=["x"]), "attributes must be a mapping"),
        (fact(attributes={1: "x"}), "attributes must be a mapping"),
        (fact(attributes={"nod": "x"}), "unknown attribute 'nod'; did you mean 'node'?"),
        (fact(attributes={"level": "high"}), "level must be integer, got str"),
        (fact(attributes={"ratio": float("nan")}), "ratio must be number, got float"),
        (fact(attributes={"node": ["a"]}), "node must be string, got list"),
        (Coverage(kind=None, scope="*"), "yielded a Coverage that holds no text"),  # type: ignore[arg-type]
        (Gap(agent="x", what="y", why=None), "yielded a Gap that holds no text"),  # type: ignore[arg-type]
    ],
)
def test_garbage_is_refused_and_counted(garbage: object, why: str) -> None:
    seen = asked(Scripted("bad", (lambda: garbage), (lambda: garbage), CRASH, kinds=["crash"]))

    assert seen.facts == (CRASH,)
    (gap,) = seen.gaps
    assert (gap.what, gap.remedy) == ("2 observations were refused", "report this as a bug of the agent")
    assert why in gap.why


def test_an_agent_whose_gather_is_no_generator_becomes_a_gap() -> None:
    class Wrong(Scripted):
        def gather(self, *_: Any) -> Any:
            return [CRASH]

    assert "TypeError" in asked(Wrong("wrong")).gaps[0].why


def test_two_agents_of_one_name_are_both_asked() -> None:
    assert len(asked(Scripted("same", CRASH), Scripted("same", LIMIT)).facts) == 2


def test_only_the_agents_of_the_scope_are_asked() -> None:
    idle = Scripted("idle", CRASH)

    seen = anyio.run(gather, scope("busy", "gone"), parts([idle, Scripted("busy", LIMIT)]))

    assert seen.facts == (LIMIT,)
    assert idle.scopes == []


def test_no_more_agents_than_allowed_are_asked_at_once() -> None:
    running, most = set(), []

    def work(name: str) -> Any:
        def begin() -> Fact:
            running.add(name)
            most.append(len(running))
            return CRASH

        return begin, lambda: running.discard(name) or LIMIT

    asked(*(Scripted(name, *work(name)) for name in "abcdef"), concurrent_agents=2)

    assert max(most) <= 2


def test_progress_is_told() -> None:
    agents = [Scripted("bad", raising(ValueError()))]
    installation = parts(agents)

    anyio.run(gather, scope("bad"), installation)

    assert installation.progress.agents == [("bad", "asked"), ("bad", "failed")]  # type: ignore[attr-defined]


def test_the_same_observation_counts_once_as_first_seen() -> None:
    early, late = (OBSERVE("crash", pod("a"), at=NOW + timedelta(hours=hours)) for hours in (0, 1))
    abroad = OBSERVE("crash", pod("a"), at=datetime.fromisoformat("2030-05-01T12:30:00+02:00"))

    assert asked(Scripted("one", late), Scripted("two", early)).facts[0].observed_at == NOW
    assert asked(Scripted("one", early, late, CRASH)).facts == (early,)
    assert asked(Scripted("one", early, abroad)).facts == (abroad,)


def test_what_is_seen_in_two_rounds_adds_up() -> None:
    one = Observations(facts=(CRASH,), coverage=(READ,), agents_ms={"a": 5})
    two = Observations(facts=(CRASH, LIMIT), gaps=(Gap(agent="b", what="x", why="y"),), agents_ms={"a": 7, "b": 1})

    both = one.plus(two)

    assert kinds(both) == ["crash", "limit"]
    assert (both.coverage, both.gaps) == (one.coverage, two.gaps)
    assert both.agents_ms == {"a": 12, "b": 1}


def test_source_missing_is_no_bug_of_the_agent() -> None:
    (gap,) = asked(Scripted("needy", CRASH, raising(SourceMissing("no metrics source")))).gaps

    assert (gap.what, gap.why) == ("everything it looks at", "no metrics source")
