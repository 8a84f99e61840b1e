"""What a watch tells about itself: alive, ready or why not, figures."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import anyio
import httpx
import msgspec
import pytest

from sre_orchestrator.api.health import Health, Readiness, application, bound, serving
from sre_orchestrator.api.incidents import Record
from sre_orchestrator.api.logs import configure_logs
from sre_orchestrator.api.rounds import run_round, run_rounds
from sre_orchestrator.api.watching import Round, Told, Watcher
from sre_orchestrator.core.errors import InputError

NOON = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)


def done(**more: Any) -> Round:
    usual: dict[str, Any] = {
        "at": NOON, "facts": 9, "gaps": 2, "failed": (), "agents_ms": {"kubernetes": 500}, "followed": 3, "open": 1,
        "requests": 4, "changes": 7, "twin_age_seconds": 0.5,
    }  # fmt: skip
    return Round(**{**usual, **more})


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return them."""
        return self.now


def ready_after(seconds: float, *rounds: Round | str) -> Readiness:
    clock = Clock()
    health = Health(30, clock)
    for one in rounds:
        if isinstance(one, str):
            health.failed(one)
        else:
            health.succeeded(one, 1.0)
    clock.now += seconds
    return health.readiness()


def test_before_the_first_round_it_is_not_ready() -> None:
    assert ready_after(0) == Readiness(ready=False, why="no round has ended yet")


def test_after_a_round_it_is_ready() -> None:
    now = ready_after(12, done())

    assert now == Readiness(ready=True, last_round=NOON, age_seconds=12.0, api_reachable=True, twin_fresh=True)


@pytest.mark.parametrize(
    ("seconds", "rounds", "why"),
    [
        (0, [done(), "connection refused"], "connection refused"),
        (121, [done()], "the last round was 121 s ago"),
        (0, [done(twin_age_seconds=200)], "the twin is not current"),
    ],
)
def test_what_it_cannot_see_makes_it_unready(seconds: float, rounds: list[Round | str], why: str) -> None:
    now = ready_after(seconds, *rounds)

    assert (now.ready, now.why) == (False, why)


def test_it_is_ready_again_after_a_round() -> None:
    assert ready_after(0, "connection refused", done()).ready


def get(health: Health, path: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(application(health))
        async with httpx.AsyncClient(transport=transport, base_url="http://watch") as client:
            return await client.get(path)

    return anyio.run(ask)


def test_the_application_says_that_it_lives_and_whether_it_sees() -> None:
    health = Health(30)

    assert get(health, "/healthz").json() == {"status": "alive"}
    assert get(health, "/readyz").status_code == 503
    health.succeeded(done(), 1.0)
    assert get(health, "/readyz").status_code == 200
    assert get(health, "/schema").status_code == 404


def test_figures_are_for_prometheus() -> None:
    health = Health(30)
    health.succeeded(done(failed=("alerts",)), 1.5)
    health.failed("gone")
    incident = Record(id="i", description="", opened=NOON, updated=NOON, diagnosed=NOON)
    health.told(Told(event="open", at=NOON, incident=incident, folder=""))

    text = get(health, "/metrics").text

    for line in (
        'sre_orchestrator_watch_rounds_total{outcome="succeeded"} 1.0',
        'sre_orchestrator_watch_rounds_total{outcome="failed"} 1.0',
        'sre_orchestrator_watch_agent_errors_total{agent="alerts"} 1.0',
        'sre_orchestrator_watch_agent_seconds_total{agent="kubernetes"} 0.5',
        'sre_orchestrator_watch_incidents_total{event="open"} 1.0',
        "sre_orchestrator_watch_incidents_open 1.0",
        "sre_orchestrator_watch_gaps 2.0",
        "sre_orchestrator_watch_symptoms 3.0",
        "sre_orchestrator_watch_requests_total 4.0",
        "sre_orchestrator_watch_changes_total 7.0",
        "sre_orchestrator_watch_twin_age_seconds 0.5",
        'sre_orchestrator_watch_round_seconds_bucket{le="2.5"} 1.0',
    ):
        assert line in text.splitlines()


def test_it_is_served_while_the_context_lasts() -> None:
    async def scenario() -> tuple[int, bool]:
        ears = bound("127.0.0.1", 0)
        address = f"http://127.0.0.1:{ears.getsockname()[1]}"
        async with serving(Health(30), ears), httpx.AsyncClient() as client:
            status = (await client.get(f"{address}/healthz")).status_code
        async with httpx.AsyncClient() as client:
            try:
                await client.get(f"{address}/healthz")
            except httpx.ConnectError:
                return status, True
        return status, False

    assert anyio.run(scenario) == (200, True)


def test_a_port_that_is_taken_is_named() -> None:
    with bound("127.0.0.1", 0) as ears, pytest.raises(InputError, match=r"127\.0\.0\.1:\d+: cannot be served at"):
        bound("127.0.0.1", ears.getsockname()[1])


class Scripted(Watcher):
    """Rounds that a test writes; the last one stops the watch."""

    def __init__(self, stop: anyio.Event, *rounds: Round | str) -> None:
        self._stop = stop
        self._rounds = list(rounds)

    async def round(self) -> Round:
        """Return the next round, or raise."""
        one = self._rounds.pop(0)
        if not self._rounds:
            self._stop.set()
        if isinstance(one, str):
            raise InputError(one)
        return one


def test_rounds_go_on_after_a_failure_until_they_are_stopped(capfd: pytest.CaptureFixture[str]) -> None:
    health = Health(30)

    async def scenario() -> None:
        stop = anyio.Event()
        watcher = Scripted(stop, done(), "gone", done(failed=("alerts",)), done(failed=("alerts",)))
        await run_rounds(watcher, health, stop, interval_seconds=0.001)

    configure_logs()
    anyio.run(scenario)
    told = capfd.readouterr().err

    assert health.readiness().ready
    assert told.count("round failed") == 1
    assert told.count("cannot look") == 1


def test_a_round_that_fails_is_not_a_success() -> None:
    async def scenario() -> bool:
        return await run_round(Scripted(anyio.Event(), "gone"), Health(30))

    assert anyio.run(scenario) is False


def test_readiness_is_json() -> None:
    told = msgspec.json.decode(get(Health(30), "/readyz").content)

    assert told["ready"] is False
    assert told["why"] == "no round has ended yet"
