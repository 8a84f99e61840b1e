"""Alerts in the database: folded, closed, merged by cause, counted in storms; what is to be told is kept with reports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from investigation import NOW
from postgres import fresh_database
from reports import hypothesis, report
from service import bundle_of

from sre_orchestrator.api.service.models import Arrival, IncidentRecord, Origin, Query, Reported
from sre_orchestrator.api.service.ports import Accepted
from sre_orchestrator.api.service.store import Database, open_database
from sre_orchestrator.api.service.store.finishing import announce

SOON, LATER = NOW + timedelta(seconds=30), NOW + timedelta(minutes=5)
MEMORY = report(hypothesis(cause="memory-limit-too-low", component="deployment/shop/cart", confidence=0.9))


@pytest.fixture(params=["sqlite", "postgresql"])
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    with closing(open_database(fresh_database() if request.param == "postgresql" else "", tmp_path, ["chat"])) as store:
        yield store


def alert(fingerprint: str = "f", *, origin: Origin = "alert", cluster: str = "", **more: object) -> Arrival:
    reported = Reported(description=f"{fingerprint} fires", namespace="shop", cluster=cluster)
    return Arrival(reported=reported, origin=origin, fingerprint=fingerprint, **more)  # type: ignore[arg-type]


def take(store: Database, *arrivals: Arrival, most_new: int = 9) -> list[Accepted | None]:
    return list(store.take(arrivals, NOW, most_new=most_new))


def diagnosed(store: Database, arrival: Arrival, answer: object = MEMORY) -> IncidentRecord:
    name = store.accept(arrival, NOW).record.id
    store.claim(NOW, name)
    return store.finish(name, bundle_of(answer), NOW)  # type: ignore[arg-type]


def opened(store: Database) -> list[IncidentRecord]:
    return list(store.list(Query(sort="created_at")).items)


def test_alerts_are_folded_closed_and_opened_again_in_order(store: Database) -> None:
    first, more, over, again, unknown = take(
        store, alert(count=3), alert(count=2), alert(over=True), alert(), alert("other", over=True)
    )

    assert first
    assert more
    assert over
    assert again
    assert unknown is None
    assert first.record.id == more.record.id == over.record.id != again.record.id
    assert (first.folded, more.folded, more.record.seen, again.folded) == (False, True, 5, False)
    assert over.record.resolved_at == NOW


def test_what_would_be_too_many_new_incidents_is_one_storm(store: Database) -> None:
    found = take(store, *(alert(str(number), crowd="storm") for number in range(50)), most_new=3)

    assert len(found) == 50
    storm, *others = sorted(opened(store), key=lambda one: -one.seen)
    assert [one.seen for one in (storm, *others)] == [47, 1, 1, 1]
    assert storm.reported.description == "alert storm, of which one alert says: 3 fires"
    assert storm.reported.namespace == ""


def test_known_alerts_and_later_ones_are_no_storm(store: Database) -> None:
    take(store, alert("a"), alert("b"), most_new=2)

    known = store.take([alert("a", crowd="storm")], SOON, most_new=2)
    later = store.take([alert("c", crowd="storm")], LATER, most_new=2)

    assert [one.folded for one in (*known, *later) if one] == [True, False]
    assert len(opened(store)) == 3


def test_an_alert_that_was_silent_for_long_is_a_new_incident(store: Database) -> None:
    first = store.accept(alert(), NOW).record
    again = store.accept(alert(), NOW + timedelta(hours=25))

    old = store.get(first.id)
    assert old is not None
    assert old.resolved_at == NOW + timedelta(hours=25)
    assert not again.folded


def test_a_repeated_event_counts_once(store: Database) -> None:
    take(store, alert(idempotency_key="k"), alert(idempotency_key="k", count=5))

    assert [one.seen for one in opened(store)] == [1]


def test_an_incident_of_the_same_cause_is_merged_into_the_first(store: Database) -> None:
    first = diagnosed(store, alert("a"))
    second = diagnosed(store, alert("b", count=4))

    assert (first.merged_into, second.merged_into) == ("", first.id)
    view = store.get(first.id)
    assert view is not None
    assert view.seen == 5
    assert [one.text for one in store.happened(first.id)][-1] == f"with {second.id}"
    assert [one.what for one in store.happened(second.id)][-1] == "merged"


@pytest.mark.parametrize(
    "other",
    [
        alert("b", origin="api"),
        alert("b", cluster="elsewhere"),
    ],
)
def test_what_a_person_asks_or_another_cluster_has_stays_by_itself(store: Database, other: Arrival) -> None:
    diagnosed(store, alert("a"))

    assert diagnosed(store, other).merged_into == ""


def test_what_is_over_or_has_no_cause_is_not_merged_into(store: Database) -> None:
    store.resolve(diagnosed(store, alert("a")).id, NOW)
    unresolved = [diagnosed(store, alert(name), report()) for name in "bc"]

    assert diagnosed(store, alert("d")).merged_into == ""
    assert [one.merged_into for one in unresolved] == ["", ""]


def test_a_report_is_to_be_told_once_and_not_again_for_what_is_merged(store: Database) -> None:
    first = diagnosed(store, alert("a"))
    diagnosed(store, alert("b"))

    due = store.outbox.due("chat", NOW, SOON)

    assert due is not None
    assert (due.incident, due.target, due.attempts) == (first.id, "chat", 1)
    assert store.outbox.due("chat", NOW, SOON) is None
    assert store.outbox.due("other", SOON, SOON) is None


def test_what_nobody_says_was_told_is_due_again_and_what_was_told_is_not(store: Database) -> None:
    diagnosed(store, alert())
    lost = store.outbox.due("chat", NOW, SOON)
    again = store.outbox.due("chat", SOON, LATER)
    assert lost is not None
    assert again is not None
    store.outbox.untold(again.id, "503", LATER)
    third = store.outbox.due("chat", LATER, LATER)
    assert third is not None
    store.outbox.told(third.id)

    assert (lost.id, again.attempts, third.attempts) == (again.id, 2, 3)
    assert store.outbox.due("chat", LATER + timedelta(days=9), LATER) is None


def test_a_delivery_is_removed_with_its_incident(store: Database) -> None:
    diagnosed(store, alert())

    store.prune(LATER)

    assert store.outbox.due("chat", LATER, LATER) is None


def test_another_first_cause_is_told_again_and_the_same_is_not(store: Database) -> None:
    record = diagnosed(store, alert())
    other = msgspec.structs.replace(record, cause="image-reference-wrong")
    with store._engine.begin() as connection:
        for one in (record, other, other):
            announce(connection, one, ["chat"], NOW)

    found = [store.outbox.due("chat", NOW, SOON) for _ in range(3)]

    assert [one is None for one in found] == [False, False, True]
