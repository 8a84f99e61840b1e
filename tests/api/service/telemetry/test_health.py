"""/readyz: each check is named, says why, and is asked once a second at most."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
from sqlalchemy import create_engine, text

from sre_orchestrator.api.service.ports import StoreState
from sre_orchestrator.api.service.store import open_database
from sre_orchestrator.api.service.telemetry.health import Health, backlog
from sre_orchestrator.api.service.telemetry.reach import Reach
from sre_orchestrator.api.service.telemetry.starting import reach_of
from sre_orchestrator.api.service.telemetry.together import Telemetry
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.mcp_servers import McpServer
from sre_orchestrator.core.settings import Settings

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def no_disk() -> str:
    raise OSError("disk I/O error\nmore that nobody needs")


def test_a_service_whose_checks_are_well_is_ready() -> None:
    health = Health()
    health.check("store", lambda: "")

    found = health.readiness()

    assert (found.status, found.why) == ("ready", "")
    assert found.checks["store"].ok


def test_a_needed_check_that_fails_or_raises_is_named_and_says_why() -> None:
    health = Health()
    health.check("workers", lambda: "0 of 2 workers are alive")
    health.check("store", no_disk)

    found = health.readiness()

    assert found.status == "not ready"
    assert found.why == "workers: 0 of 2 workers are alive; store: OSError: disk I/O error"


def test_a_check_that_is_only_wanted_degrades() -> None:
    health = Health()
    health.check("cluster", lambda: "no answer", needed=False)

    assert health.readiness().status == "degraded"
    assert health.readiness().checks["cluster"].needed is False


def test_what_was_seen_is_remembered_for_a_second() -> None:
    clock, asked = Clock(), list[int]()
    health = Health(clock)
    health.check("store", lambda: asked.append(1) or "")
    for now in (0.0, 0.9, 1.0, 1.5):
        clock.now = now
        health.readiness()

    assert len(asked) == 2


def test_a_service_that_ends_is_not_ready_at_once() -> None:
    health = Health()
    assert health.readiness().status == "ready"

    health.drain()

    assert health.readiness().why == "draining: the service is about to end"


@pytest.mark.parametrize(
    ("waits", "idle", "stuck"), [(0, 900, False), (900, 0, False), (30, 900, False), (900, 900, True)]
)
def test_a_backlog_is_stuck_when_something_waits_and_nothing_moves(waits: int, idle: float, stuck: bool) -> None:
    clock = Clock()
    health = Health(clock)
    health.active()
    clock.now = idle
    state = StoreState(queued=1, oldest_queued_at=NOW - timedelta(seconds=waits) if waits else None)

    why = backlog(lambda: state, health, 300.0, lambda: NOW)

    assert bool(why) == stuck
    assert not stuck or why == "an incident has waited for 900 s, and nothing was investigated here for 900 s"


def test_tables_that_another_version_changed_are_told(tmp_path: Path) -> None:
    store = open_database("", tmp_path)
    assert store.state() == StoreState()

    with create_engine(f"sqlite:///{tmp_path / 'service.db'}").begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    assert store.state().wrong.startswith("its schema is 9999, this program made ")
    store.close()


def test_a_cluster_is_asked_beside_the_probes() -> None:
    answers = iter([SourceMissing("no answer"), None])
    asked = anyio.Event

    async def looks() -> tuple[str, str]:
        seen = asked()

        def ask() -> None:
            anyio.from_thread.run_sync(seen.set)
            problem = next(answers)
            if problem:
                raise problem

        reach = Reach(ask)
        before = reach.why()
        async with reach.running():
            with anyio.fail_after(10):
                await seen.wait()
                while not reach.why():
                    await anyio.sleep(0.001)
            return before, reach.why()

    assert anyio.run(looks) == ("", "SourceMissing: no answer")


def test_a_cluster_behind_an_mcp_server_is_asked_through_that(tmp_path: Path) -> None:
    kube = McpServer(name="kube", preset="kubernetes-mcp-server", command="/nowhere/server", replaces="kubernetes")
    settings = Settings(state_dir=str(tmp_path), mcp_servers=(kube,))
    with closing(Installation(settings)) as installation:
        reach = reach_of(installation, Telemetry.of(installation, None))

        async def asked() -> str:
            async with reach.running():
                with anyio.fail_after(10):
                    while not reach.why():
                        await anyio.sleep(0.001)
                return reach.why()

        why = anyio.run(asked)

    assert "mcp_servers kube: /nowhere/server cannot be used" in why
