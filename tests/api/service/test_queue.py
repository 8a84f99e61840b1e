"""Replicas on one PostgreSQL: each incident is investigated once, whoever dies meanwhile."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from postgres import PASSWORD, fresh_database
from reports import report
from scripted import NOW, Scripted, Told, accept, eventually, status
from service import bundle_of

from sre_orchestrator.api.service import serving
from sre_orchestrator.api.service.models import Arrival, Reported
from sre_orchestrator.api.service.store import Database, open_database
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.settings import Service, Settings

if TYPE_CHECKING:
    from sre_orchestrator.api.service.queue import Queue

SEEM_DEAD = "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 day'"
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def url() -> str:
    return fresh_database()


@pytest.fixture
def store(tmp_path: Path, url: str) -> Iterator[Database]:
    with closing(open_database(url, tmp_path)) as store:
        yield store


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    del url  # skips where there is no PostgreSQL
    monkeypatch.setattr("sre_orchestrator.api.service.queue.LOOK_SECONDS", 0.1)


def fine(_: str) -> Bundle:
    return bundle_of(report())


def replica(store: Database, url: str, investigator: Scripted, told: Told | None = None, **limits: object) -> Queue:
    from sre_orchestrator.api.service.queue import Queue  # noqa: PLC0415 - an extra

    settings = Service(**{"database_url": url, "workers": 2, **limits})  # type: ignore[arg-type]
    return Queue(store, investigator, told or Told(), limits=settings, now=lambda: NOW)


def run(until: Callable[[], bool], *replicas: Queue) -> None:
    """Work on all replicas until ``until`` holds."""

    async def work() -> None:
        async with AsyncExitStack() as stack:
            async with anyio.create_task_group() as starting:
                for one in replicas:
                    starting.start_soon(stack.enter_async_context, one.running())
            await eventually(until, 60)

    anyio.run(work)


def done(store: Database, names: list[str]) -> Callable[[], bool]:
    return lambda: all(status(store, one) == "done" for one in names)


def test_replicas_that_start_together_share_the_work(store: Database, url: str) -> None:
    names = accept(store, *(str(n) for n in range(12)))
    investigators, told = [Scripted(fine) for _ in range(3)], Told()

    run(done(store, names), *(replica(store, url, one, told) for one in investigators))

    assert sorted(name for one in investigators for name in one.asked) == sorted(names)
    assert sorted(one.id for one in told.finished_ones) == sorted(names)
    for one in names:
        assert [what.what for what in store.happened(one)] == ["queued", "running", "step", "agent", "done"]


def test_a_wake_is_heard_at_once(store: Database, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sre_orchestrator.api.service.queue.LOOK_SECONDS", 1000)
    queue = replica(store, url, Scripted(fine), stalled_seconds=1000)

    async def work() -> None:
        async with queue.running():
            (name,) = await anyio.to_thread.run_sync(accept, store, "x")
            queue.wake(name)
            queue.wake(name)
            await eventually(lambda: status(store, name) == "done")
            queue.wake(name)

    anyio.run(work)


def test_what_a_replica_did_not_finish_at_its_end_another_one_takes_up(store: Database, url: str) -> None:
    (name,) = accept(store, "x")
    begun, go = threading.Event(), threading.Event()

    def hang(_: str) -> Bundle:
        begun.set()
        go.wait(60)
        return bundle_of(report())

    run(begun.is_set, replica(store, url, Scripted(hang), grace_seconds=0.05))
    left = status(store, name)
    run(done(store, [name]), replica(store, url, Scripted(fine)))
    go.set()

    view = store.get(name)
    assert view is not None
    assert (left, view.attempts) == ("running", 2)


def test_what_a_silent_replica_had_another_one_takes_up_and_only_the_first_report_counts(
    store: Database, url: str
) -> None:
    (name,) = accept(store, "x")
    begun, go, told = threading.Event(), threading.Event(), Told()

    def hang(_: str) -> Bundle:
        begun.set()
        go.wait(60)
        return bundle_of(report())

    silent = replica(store, url, Scripted(hang), told, stalled_seconds=1000, workers=1)

    async def work() -> None:
        async with silent.running():
            await anyio.to_thread.run_sync(begun.wait)
            await anyio.to_thread.run_sync(change_queue, url, SEEM_DEAD)
            async with replica(store, url, Scripted(fine), told, stalled_seconds=500).running():
                await eventually(lambda: status(store, name) == "done", 60)
            go.set()
            await eventually(lambda: len(told.finished_ones) == 2, 60)

    anyio.run(work)

    view = store.get(name)
    assert view is not None
    assert view.attempts == 2
    assert [what.what for what in store.happened(name)].count("done") == 1


def change_queue(url: str, change: str) -> None:
    """Change what the queue keeps behind its back."""
    import psycopg  # noqa: PLC0415 - an extra

    with psycopg.connect(url) as connection:
        (schema,) = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'queue%'").fetchone() or (
            "",
        )
        connection.execute(f"SET search_path TO {schema}")  # type: ignore[arg-type] # no user's text
        connection.execute(change)  # type: ignore[arg-type]


def test_at_the_end_what_runs_is_finished(store: Database, url: str) -> None:
    (name,) = accept(store, "x")
    begun, go = threading.Event(), threading.Event()

    def act(_: str) -> Bundle:
        begun.set()
        go.wait(60)
        return bundle_of(report())

    queue = replica(store, url, Scripted(act))

    async def work() -> None:
        async with queue.running():
            await anyio.to_thread.run_sync(begun.wait)
            go.set()

    anyio.run(work)

    assert status(store, name) == "done"


def test_a_defect_is_tried_again_as_often_as_the_settings_say(store: Database, url: str) -> None:
    (name,) = accept(store, "x")

    def break_down(_: str) -> Bundle:
        raise KeyError("oops")

    run(lambda: status(store, name) == "failed", replica(store, url, Scripted(break_down), attempts=2))

    view = store.get(name)
    assert view is not None
    assert (view.attempts, view.error) == (2, "KeyError: 'oops'")


def test_a_database_that_drops_every_connection_ends_nothing(store: Database, url: str) -> None:
    import psycopg  # noqa: PLC0415 - an extra

    queue = replica(store, url, Scripted(fine))
    drop = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid != pg_backend_pid()"

    async def work() -> None:
        async with queue.running():
            for _ in range(3):
                (name,) = await anyio.to_thread.run_sync(accept, store, "x")
                with psycopg.connect(url) as connection:
                    connection.execute(drop)
                queue.wake(name)
                await eventually(lambda name=name: status(store, name) == "done", 60)  # type: ignore[misc]

    anyio.run(work)


def test_a_worker_that_others_took_for_dead_begins_again(store: Database, url: str) -> None:
    queue = replica(store, url, Scripted(fine))

    async def work() -> None:
        async with queue.running():
            names = await anyio.to_thread.run_sync(accept, store, "x")
            await eventually(done(store, names), 60)
            await anyio.to_thread.run_sync(change_queue, url, "DELETE FROM procrastinate_workers")
            names = await anyio.to_thread.run_sync(accept, store, "y")
            await eventually(done(store, names), 60)

    anyio.run(work)


def test_clusters_that_share_a_database_have_a_queue_each(tmp_path: Path, url: str) -> None:
    alert = Arrival(reported=Reported(description="x"), origin="alert", fingerprint="f", crowd="c")
    with ExitStack() as stack:
        here, there = (stack.enter_context(closing(open_database(url, tmp_path, (), one))) for one in ("a", "b"))
        (one,), (other,) = (store.take([alert], NOW, most_new=1) for store in (here, there))
        assert one is not None
        assert other is not None
        investigator = Scripted(fine)

        run(done(here, [one.record.id]), replica(here, url, investigator, queue="a"))

        assert investigator.asked == [one.record.id]
        assert status(here, other.record.id) == "queued"


def test_a_queue_that_cannot_be_asked_is_asked_again(
    store: Database, url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sre_orchestrator.api.service.queue.HELD", "SELECT lock FROM nowhere")
    queue, written = replica(store, url, Scripted(fine)), list[str]()

    def said(words: str) -> bool:
        written.extend(capfd.readouterr())
        return words in "".join(written)

    async def work() -> None:
        async with queue.running():
            await eventually(lambda: said('relation "nowhere" does not exist'))
            monkeypatch.undo()
            names = await anyio.to_thread.run_sync(accept, store, "x")
            await eventually(done(store, names), 60)
        queue.wake("i1")
        await eventually(lambda: said("an incident was not queued yet"))

    anyio.run(work)

    assert said("the queue failed")


@pytest.mark.parametrize("absent", ["psycopg", "procrastinate"])
def test_without_the_extra_it_is_told_what_to_install(
    tmp_path: Path, url: str, absent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "sre_orchestrator.api.service.queue", raising=False)
    monkeypatch.setitem(sys.modules, absent, None)
    settings = Settings(state_dir=str(tmp_path), service=Service(database_url=url))

    with pytest.raises(InputError, match=r"pip install 'sre-orchestrator\[postgres\]'") as caught:
        serving.run(settings, None, ("127.0.0.1", 0))

    assert PASSWORD not in str(caught.value)
