"""The database of the service: nothing accepted is lost, nothing is done twice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from investigation import NOW
from postgres import fresh_database
from reports import hypothesis, report
from service import bundle_of

from sre_orchestrator.api.service.models import Arrival, Feedback, Happened, Query, Reported
from sre_orchestrator.api.service.store import Database, open_database
from sre_orchestrator.core.errors import InputError


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    return fresh_database() if request.param == "postgresql" else ""


@pytest.fixture
def store(tmp_path: Path, url: str) -> Iterator[Database]:
    with closing(open_database(url, tmp_path)) as store:
        yield store


def arrival(description: str = "checkout answers 500", **more: str) -> Arrival:
    namespace = more.pop("namespace", "shop")
    return Arrival(reported=Reported(description=description, namespace=namespace), origin="api", **more)


def test_what_was_accepted_is_there_after_a_restart(tmp_path: Path, url: str) -> None:
    with closing(open_database(url, tmp_path)) as store:
        accepted = store.accept(arrival(), NOW)
    with closing(open_database(url, tmp_path)) as store:
        found = store.get(accepted.record.id)

    assert found is not None
    assert (found.status, found.reported.description, found.created_at, found.report) == (
        "queued", "checkout answers 500", NOW, None,
    )  # fmt: skip


def test_a_repeated_request_is_the_same_incident(store: Database) -> None:
    first = store.accept(arrival(idempotency_key="k"), NOW)
    again = store.accept(arrival(idempotency_key="k"), NOW)

    assert (again.folded, again.record.id, again.record.seen) == (True, first.record.id, 1)
    with pytest.raises(InputError, match=rf"Idempotency-Key: was used for another report, {first.record.id}; use"):
        store.accept(arrival("other words", idempotency_key="k"), NOW)


def test_a_key_is_free_again_when_its_incident_is_no_longer_kept(store: Database) -> None:
    first = store.accept(arrival(idempotency_key="k"), NOW).record
    store.claim(NOW)
    store.fail(first.id, "no", NOW, retry=False)
    store.prune(NOW + timedelta(days=1))

    again = store.accept(arrival("other words", idempotency_key="k"), NOW)

    assert (again.folded, again.record.id != first.id) == (False, True)


def test_an_arrival_of_the_same_fingerprint_is_folded_until_it_is_over(store: Database) -> None:
    first = store.accept(arrival(fingerprint="f"), NOW).record
    folded = store.accept(arrival(fingerprint="f"), NOW)
    store.resolve(first.id, NOW)
    store.resolve(first.id, NOW)
    next_one = store.accept(arrival(fingerprint="f"), NOW)

    assert (folded.folded, folded.record.id, folded.record.seen) == (True, first.id, 2)
    assert not next_one.folded
    assert next_one.record.id != first.id
    assert [one.what for one in store.happened(first.id)] == ["queued", "resolved"]


def test_arrivals_at_the_same_moment_make_one_incident(store: Database) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: store.accept(arrival(fingerprint="f"), NOW).record.id, range(40)))

    assert len(set(found)) == 1
    assert store.list(Query()).items[0].seen == 40


def test_alerts_in_another_order_at_the_same_moment_are_all_counted(store: Database) -> None:
    both = [arrival(fingerprint="f"), arrival(fingerprint="g")]
    store.take(both, NOW, most_new=9)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda n: store.take(both[:: (-1) ** n], NOW, most_new=9), range(10)))

    assert [one.seen for one in store.list(Query()).items] == [11, 11]


def test_each_incident_is_claimed_once_oldest_first(store: Database) -> None:
    names = [store.accept(arrival(str(n)), NOW + timedelta(seconds=n)).record.id for n in range(20)]
    with ThreadPoolExecutor(4) as threads:
        claimed = [one.id for one in threads.map(lambda _: store.claim(NOW), range(20)) if one]

    assert sorted(claimed) == names
    assert store.claim(NOW) is None


def test_a_certain_incident_can_be_claimed(store: Database) -> None:
    store.accept(arrival("first"), NOW)
    second = store.accept(arrival("second"), NOW).record

    claimed = store.claim(NOW, second.id)

    assert claimed is not None
    assert (claimed.id, claimed.status, claimed.attempts) == (second.id, "running", 1)
    assert store.claim(NOW, second.id) is None


def test_what_is_stored_is_what_is_answered(store: Database) -> None:
    name = store.accept(arrival(), NOW).record.id
    before, nothing = store.read(name), store.read("i0")
    store.claim(NOW)
    store.finish(name, bundle_of(), NOW)

    after = store.read(name)

    assert nothing is None
    assert before is not None
    assert before.report is None
    assert after is not None
    assert msgspec.json.encode(after) == msgspec.json.encode(store.get(name))


def test_a_report_is_kept_once(store: Database) -> None:
    name = store.accept(arrival(), NOW).record.id
    store.claim(NOW)
    proved = report(hypothesis(cause="memory-limit-too-low", component="deployment/shop/cart", confidence=0.9))

    done = store.finish(name, bundle_of(proved), NOW)
    again = store.finish(name, bundle_of(report()), NOW)
    late = store.fail(name, "too late", NOW, retry=True)

    assert (done.status, done.verdict, done.cause, done.component) == (
        "done", "diagnosed", "memory-limit-too-low", "deployment/shop/cart",
    )  # fmt: skip
    assert again == done == late
    view = store.get(name)
    assert view is not None
    assert view.report == proved
    assert store.bundle(name)


def test_a_failed_investigation_is_tried_again_or_not(store: Database) -> None:
    name = store.accept(arrival(), NOW).record.id
    store.claim(NOW)
    assert store.fail(name, "timed out", NOW, retry=True).status == "queued"
    store.claim(NOW)

    failed = store.fail(name, "timed out", NOW, retry=False)

    assert (failed.status, failed.attempts, failed.error) == ("failed", 2, "timed out")
    assert [one.what for one in store.happened(name)] == ["queued", "running", "queued", "running", "failed"]


def test_what_was_running_when_the_process_died_is_queued_again(store: Database) -> None:
    name = store.accept(arrival(), NOW).record.id
    store.claim(NOW)

    assert store.requeue_running(NOW) == 1
    claimed = store.claim(NOW)
    assert claimed is not None
    assert (claimed.id, claimed.attempts) == (name, 2)


def test_pages_go_on_where_the_last_one_ended(store: Database) -> None:
    names = [store.accept(arrival(str(n)), NOW + timedelta(seconds=n // 2)).record.id for n in range(7)]

    seen: list[str] = []
    query = Query(limit=3)
    while True:
        page = store.list(query)
        seen += [one.id for one in page.items]
        store.accept(arrival("meanwhile"), NOW + timedelta(hours=1))
        if not page.next_cursor:
            break
        query = Query(limit=3, cursor=page.next_cursor)
    oldest_first = store.list(Query(sort="created_at", limit=4)).items

    assert sorted(seen) == sorted(names)
    assert {one.id for one in oldest_first} == set(names[:4])


@pytest.mark.parametrize(
    ("query", "descriptions"),
    [
        (Query(text="500"), ["checkout answers 500"]),
        (Query(text="100%"), []),
        (Query(namespace="bank"), ["payments time out"]),
        (Query(namespaces=("bank", "park")), ["payments time out"]),
        (Query(status="running"), ["checkout answers 500"]),
        (Query(since=NOW + timedelta(seconds=30)), ["payments time out"]),
        (Query(until=NOW + timedelta(seconds=30)), ["checkout answers 500"]),
    ],
)
def test_a_list_can_be_narrowed(store: Database, query: Query, descriptions: list[str]) -> None:
    store.accept(arrival(), NOW)
    store.accept(arrival("payments time out", namespace="bank"), NOW + timedelta(minutes=1))
    store.claim(NOW)

    assert [one.reported.description for one in store.list(query).items] == descriptions


@pytest.mark.parametrize("cursor", ["x", "%%%", "e30"])
def test_a_strange_cursor_is_refused(store: Database, cursor: str) -> None:
    with pytest.raises(InputError, match="is none of ours"):
        store.list(Query(cursor=cursor))


def test_old_finished_incidents_are_removed_with_all_they_hold(store: Database) -> None:
    old, running, fresh = (store.accept(arrival(str(n)), NOW).record.id for n in range(3))
    for name in (old, running):
        store.claim(NOW, name)
    store.finish(old, bundle_of(report()), NOW)
    store.feedback(old, Feedback(cause="c", component="d", right=True), "ann", NOW)
    store.note(fresh, Happened(number=0, at=NOW, what="step", text="infer"))

    assert store.prune(NOW + timedelta(days=1)) == 1
    assert store.get(old) is None
    assert store.bundle(old) is None
    assert store.happened(old) == []
    assert store.get(running) is not None
    assert store.happened(fresh, after=1)[0].text == "infer"


def test_text_that_not_every_database_keeps_is_kept_without_it(store: Database) -> None:
    name = store.accept(arrival(), NOW).record.id
    store.claim(NOW)

    failed = store.fail(name, "before\0after", NOW, retry=False)

    assert failed.error == "beforeafter"
    assert store.happened(name)[-1].text == "beforeafter"


def test_steps_noted_at_the_same_moment_are_all_kept(store: Database) -> None:
    name = store.accept(arrival(), NOW).record.id
    step = Happened(number=0, at=NOW, what="step", text="infer")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: store.note(name, step), range(40)))

    assert [one.number for one in store.happened(name)] == list(range(1, 42))


def test_what_a_dead_worker_left_is_taken_up_and_what_is_over_is_not(store: Database) -> None:
    name = store.accept(arrival(), NOW).record.id
    store.claim(NOW)

    again = store.backlog.take_up(name, NOW)

    assert again is not None
    assert (again.status, again.attempts, list(store.backlog.unfinished())) == ("running", 2, [name])
    store.finish(name, bundle_of(report()), NOW)
    assert store.backlog.take_up(name, NOW) is None
    assert list(store.backlog.unfinished()) == []


def test_an_unknown_incident_cannot_be_finished(store: Database) -> None:
    with pytest.raises(InputError, match="there is no incident i1"):
        store.finish("i1", bundle_of(report()), NOW)
    assert store.get("i1") is None


@pytest.mark.parametrize("url", ["nothing", "u:secret@db/x", "postgresql://u:secret@db:port/x"])
def test_what_is_no_address_is_refused_without_being_shown(tmp_path: Path, url: str) -> None:
    with pytest.raises(
        InputError, match="database_url: is no address of a database; write postgresql://USER"
    ) as caught:
        open_database(url, tmp_path)

    assert url not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["sqlite:////proc/no/such/file.db", "postgresql://u:secret@127.0.0.1:1/x", "mysql://u:secret@127.0.0.1/x"]
)
def test_a_database_that_cannot_be_used_is_named_without_its_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(InputError, match="the database cannot be used") as caught:
        open_database(url, tmp_path)

    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "service.db").write_bytes(b"not a database" * 100)

    with pytest.raises(InputError, match=r"service\.db: the database cannot be used"):
        open_database("", tmp_path)
