"""The workers: what was accepted is investigated, whatever goes wrong meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import anyio
import pytest
from reports import report
from scripted import NOW, Scripted, Told, accept, eventually, status
from service import bundle_of

from sre_orchestrator.api.service.dispatch import MOST_DEATHS, InProcess
from sre_orchestrator.api.service.models import IncidentRecord
from sre_orchestrator.api.service.store import Database, open_database
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.settings import Service


@pytest.fixture
def store(tmp_path: Path) -> Database:
    return open_database("", tmp_path)


def run(store: Database, act: Callable[[str], Bundle], until: Callable[[], bool], **limits: float) -> Scripted:
    """Work until ``until`` holds."""
    investigator, told = Scripted(act), Told()
    dispatcher = InProcess(store, investigator, told, limits=Service(**limits), now=lambda: NOW)  # type: ignore[arg-type]

    async def work() -> None:
        async with dispatcher.running():
            await eventually(until)

    anyio.run(work)
    return investigator


def test_everything_that_was_accepted_gets_one_report(store: Database) -> None:
    names = accept(store, *(str(n) for n in range(12)))
    investigator = run(
        store, lambda _: bundle_of(report()), lambda: all(status(store, one) == "done" for one in names), workers=4
    )

    assert sorted(investigator.asked) == sorted(names)
    assert [one.what for one in store.happened(names[0])] == ["queued", "running", "step", "agent", "done"]


def test_the_first_investigation_is_alone(store: Database) -> None:
    names = accept(store, *(str(n) for n in range(4)))
    others, asked_meanwhile = threading.Event(), list[bool]()

    def act(_: str) -> Bundle:
        if asked_meanwhile:
            others.set()
        else:
            asked_meanwhile.append(others.wait(0.5))
        return bundle_of(report())

    run(store, act, lambda: all(status(store, one) == "done" for one in names), workers=4)

    assert asked_meanwhile == [False]


def test_what_cannot_be_investigated_fails_at_once_and_says_why(store: Database) -> None:
    (name,) = accept(store, "x")

    def refuse(_: str) -> Bundle:
        raise InputError("namespace nowhere: does not exist")

    run(store, refuse, lambda: status(store, name) == "failed")

    view = store.get(name)
    assert view is not None
    assert (view.error, view.attempts) == ("namespace nowhere: does not exist", 1)


def test_a_defect_is_tried_again_and_ends_no_worker(store: Database) -> None:
    broken, good = accept(store, "broken", "good")

    def act(name: str) -> Bundle:
        if name == broken:
            raise KeyError("oops")
        return bundle_of(report())

    run(store, act, lambda: status(store, broken) == "failed" and status(store, good) == "done", workers=1)

    view = store.get(broken)
    assert view is not None
    assert (view.attempts, view.error) == (3, "KeyError: 'oops'")


def test_an_investigation_that_takes_too_long_is_given_up(store: Database) -> None:
    (name,) = accept(store, "slow")
    released = threading.Event()

    def hang(_: str) -> Bundle:
        released.wait(20)
        return bundle_of(report())

    run(store, hang, lambda: status(store, name) == "failed", attempts=1, incident_seconds=0.05)
    released.set()

    view = store.get(name)
    assert view is not None
    assert view.error == "not investigated within 0.05 s"


def test_what_was_accepted_elsewhere_is_found_and_a_wake_is_heard(store: Database) -> None:
    dispatcher = InProcess(store, Scripted(lambda _: bundle_of(report())), Told(), limits=Service(workers=1))

    async def work() -> None:
        async with dispatcher.running():
            for wake in (False, True):
                (name,) = await anyio.to_thread.run_sync(accept, store, "later")
                if wake:
                    dispatcher.wake(name)
                await eventually(lambda name=name: status(store, name) == "done")  # type: ignore[misc]

    anyio.run(work)


def test_at_the_end_what_runs_is_finished(store: Database) -> None:
    (name,) = accept(store, "x")
    begun, go = threading.Event(), threading.Event()

    def act(_: str) -> Bundle:
        begun.set()
        go.wait(20)
        return bundle_of(report())

    told = Told()
    dispatcher = InProcess(store, Scripted(act), told, limits=Service(workers=1))

    async def work() -> None:
        async with dispatcher.running():
            await anyio.to_thread.run_sync(begun.wait)
            accept(store, "not begun")
            go.set()

    anyio.run(work)

    assert status(store, name) == "done"
    assert [one.id for one in told.finished_ones] == [name]
    assert store.claim(NOW) is not None


def test_what_is_cut_off_is_taken_up_at_the_next_start(store: Database) -> None:
    (name,) = accept(store, "x")
    begun, go = threading.Event(), threading.Event()

    def hang(_: str) -> Bundle:
        begun.set()
        go.wait(20)
        return bundle_of(report())

    dispatcher = InProcess(store, Scripted(hang), Told(), limits=Service(workers=1, grace_seconds=0.05))

    async def work() -> None:
        async with dispatcher.running():
            await anyio.to_thread.run_sync(begun.wait)

    anyio.run(work)
    assert status(store, name) == "running"
    go.set()
    run(store, lambda _: bundle_of(report()), lambda: status(store, name) == "done")


def test_a_store_that_fails_is_asked_again(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    (name,) = accept(store, "x")
    claim, failed = store.claim, threading.Event()

    def broken(now: datetime, incident_id: str = "") -> IncidentRecord | None:
        if not failed.is_set():
            failed.set()
            raise OSError("disk full")
        return claim(now, incident_id)

    monkeypatch.setattr(store, "claim", broken)
    monkeypatch.setattr("sre_orchestrator.api.service.dispatch.LOOK_SECONDS", 0.01)

    run(store, lambda _: bundle_of(report()), lambda: status(store, name) == "done")

    assert failed.is_set()


def test_an_incident_that_kills_the_process_is_given_up_one_day(store: Database) -> None:
    (name,) = accept(store, "x")
    for _ in range(3 + MOST_DEATHS):
        store.claim(NOW)
        store.requeue_running(NOW)

    investigator = run(store, lambda _: bundle_of(report()), lambda: status(store, name) == "failed")

    view = store.get(name)
    assert view is not None
    assert (investigator.asked, view.error) == ([], "not investigated: the process died at it 23 times")
