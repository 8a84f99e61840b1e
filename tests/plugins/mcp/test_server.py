"""A server that is dead, slow or lying is a gap, and never anything else."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from mcp_servers import asked, small

from sre_orchestrator.core.mcp_servers import McpServer
from sre_orchestrator.core.models import Gap
from sre_orchestrator.plugins.mcp.answers import McpProblem
from sre_orchestrator.plugins.mcp.server import Server, end_shared, shared


@contextmanager
def running(settings: McpServer, clock: Callable[[], float] = time.monotonic) -> Iterator[Server]:
    server = Server(settings, clock=clock)
    try:
        yield server
    finally:
        server.close()


def gap_of(settings: McpServer) -> Gap:
    with running(settings) as server:
        facts, coverage, gaps = asked(server)
    assert (facts, coverage) == ([], [])
    assert len(gaps) == 1, gaps
    assert gaps[0].agent == "mcp-small"
    return gaps[0]


@pytest.mark.parametrize("fault", ["none", "noise", "pages", "old"])
def test_a_server_that_answers_gives_facts(fault: str) -> None:
    with running(small(fault)) as server:
        facts, _, gaps = asked(server)

    assert [(one.kind, one.component, one.attributes) for one in facts] == [
        ("pod.phase", "pod/shop/web-1", {"phase": "Failed"})
    ]
    assert facts[0].query == "call pods namespace=shop"
    assert gaps == []


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("exits", "cannot read the kubeconfig"),
        ("only_noise", "lines on its standard output are no messages: 'I am a web server"),
        ("chatters", "1000 lines on its standard output were no messages"),
        ("silent", "it did not start to speak within 5 s"),
        ("future", "2199-01-01"),
    ],
)
def test_a_server_that_does_not_start_to_speak_is_a_gap(fault: str, why: str) -> None:
    gap = gap_of(small(fault, connect_seconds=5.0 if fault in ("silent", "only_noise") else 30.0))

    assert gap.what == "everything it would tell"
    assert why in gap.why
    assert "hunter22" not in gap.why


def test_a_command_that_does_not_exist_is_a_gap() -> None:
    gap = gap_of(McpServer(name="small", command="/nowhere/mcp-server", tools=small("none").tools))

    assert "/nowhere/mcp-server cannot be used: No such file or directory; install it" in gap.why


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("error", "tool 'pods' says: no cluster is there, token=***"),
        ("refuses", "tools/call is not known here"),
        ("slow", "no answer within 0.5 s"),
        ("dies", "out of patience"),
        ("schema", "Invalid structured content returned by tool pods"),
        ("garbage", "validation error"),
        ("no_hint", "does not say that it only reads, so it is not called"),
        ("writes", "says that it changes things, so it is not called"),
        ("prose", "the answer is no JSON"),
        ("picture", "the answer is no JSON"),
        ("huge", "an answer is larger than 1000000 bytes"),
        ("endless", "an answer is larger than 1000000 bytes"),
    ],
)
def test_a_tool_that_does_not_do_its_work_is_a_gap(fault: str, why: str) -> None:
    gap = gap_of(small(fault, call_seconds=0.5 if fault == "slow" else 20.0, answer_bytes=1_000_000))

    assert gap.what == "call pods namespace=shop"
    assert why in gap.why


@pytest.mark.parametrize(
    ("fault", "why"),
    [("vanishes", "it has no tool 'pods'"), ("no_longer_reads", "says that it changes things")],
)
def test_a_tool_that_is_another_one_meanwhile_is_not_called_again(fault: str, why: str) -> None:
    with running(small(fault)) as server:
        visit = server.visit()
        first = visit.call("pods", {"namespace": "shop"})

        with pytest.raises(McpProblem, match=why):
            visit.call("pods", {"namespace": "shop"})

    assert "web-1" in first.text


def test_a_list_of_tools_without_an_end_ends() -> None:
    gap = gap_of(small("endless_pages"))

    assert "it has no tool 'pods'" in gap.why


def test_a_tool_without_a_hint_is_called_where_settings_trust_it() -> None:
    trusted = small("no_hint")
    tools = (
        type(trusted.tools[0])(
            tool="pods", arguments={"namespace": "shop"}, trusted=True, facts=trusted.tools[0].facts
        ),
    )

    with running(small("no_hint", tools=tools)) as server:
        facts, _, gaps = asked(server)

    assert len(facts) == 1
    assert gaps == []


def test_a_server_that_dies_is_started_again_and_asked_again(tmp_path: Path) -> None:
    with running(small("dies_once", tmp_path / "died")) as server:
        facts, _, gaps = asked(server)

    assert len(facts) == 1
    assert gaps == []


def test_a_server_that_keeps_dying_is_left_alone_for_longer_and_longer() -> None:
    now = [0.0]
    with running(small("exits"), clock=lambda: now[0]) as server:
        waits = []
        for _ in range(9):
            with pytest.raises(McpProblem, match="kubeconfig"):
                server.session()
            begun = now[0]
            while True:
                try:
                    server.session()
                except McpProblem as problem:
                    if "left alone" not in str(problem):
                        break
                now[0] += 0.5
            waits.append(now[0] - begun)

    assert waits == sorted(waits)
    assert waits[0] <= 1.0
    assert waits[-1] == 60.0


def test_a_server_that_ended_between_incidents_is_started_again() -> None:
    with running(small("none")) as server:
        asked(server)
        first = server.session()
        first.close()

        with pytest.raises(McpProblem, match="it has ended"):
            first.tools()
        facts, _, gaps = asked(server)

    assert len(facts) == 1
    assert gaps == []


def test_a_server_that_dies_over_its_tools_is_a_gap() -> None:
    now = [0.0]
    with running(small("ends_later"), clock=lambda: now[0]) as server:
        visit = server.visit(seconds=1000.0)
        visit.call("pods", {"namespace": "shop"})
        now[0] += 61.0

        with pytest.raises(McpProblem, match="it has ended"):
            visit.call("pods", {"namespace": "shop"})


def test_a_server_that_ignores_its_end_is_ended() -> None:
    server = Server(small("stays"))
    asked(server)
    thread = server.session()._thread

    server.close()

    assert not thread.is_alive()


def test_nothing_is_left_running(tmp_path: Path) -> None:
    server = Server(small("slow", tmp_path / "pid", call_seconds=0.2))
    asked(server)
    session = server.session()
    thread = session._thread

    server.close()

    assert not thread.is_alive()
    assert server.session().greeting.name == "small"  # it can be asked again
    server.close()


def test_calls_seconds_and_facts_are_bounded() -> None:
    settings = small("none", calls=2)
    with running(settings) as server:
        visit = server.visit()
        visit.call("pods", {"namespace": "shop"})
        visit.call("pods", {"namespace": "shop"})
        with pytest.raises(McpProblem, match="2 calls were made already"):
            visit.call("pods", {"namespace": "shop"})

        late = server.visit(seconds=1e-9)
        with pytest.raises(McpProblem, match="its answers took 1e-09 s already"):
            late.call("pods", {"namespace": "shop"})


def test_a_command_gets_only_the_variables_that_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_OURS", "x1")
    monkeypatch.setenv("PASSED_ON", "x2")
    settings = McpServer(
        name="env",
        command="/usr/bin/env",
        env={"GIVEN": "x3"},
        env_from=("PASSED_ON", "NOT_THERE"),
        connect_seconds=5.0,
    )

    with running(settings) as server, pytest.raises(McpProblem):
        server.session()

    assert "SECRET_OF_OURS" in os.environ
    session_said = server._last
    assert "lines on its standard output are no messages" in session_said


def test_a_server_is_shared_by_all_who_have_the_same_settings(tmp_path: Path) -> None:
    settings = small("none", tmp_path / "pid")
    try:
        with ThreadPoolExecutor(8) as threads:
            sessions = set(threads.map(lambda _: id(shared(settings).session()), range(16)))
        same = shared(msgspec.structs.replace(settings, env=dict(settings.env)))

        assert len(sessions) == 1
        assert same is shared(settings)
        assert shared(msgspec.structs.replace(settings, name="other")) is not same
    finally:
        end_shared([settings, msgspec.structs.replace(settings, name="other")])


def test_a_shared_server_that_was_ended_starts_again_for_whoever_still_asks() -> None:
    settings = small("none")
    before = shared(settings)
    first = before.session()

    end_shared([settings])
    end_shared([settings])

    assert not first.is_open
    with running(settings) as other:
        assert other is not before
    facts, _, gaps = asked(before)
    assert (len(facts), gaps) == (1, [])
    before.close()
