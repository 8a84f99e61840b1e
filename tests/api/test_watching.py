"""Whole rounds on whole clusters: what opens, what is one incident, what closes, and what a crash leaves."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from calm import CALM
from clusters import Cluster
from faults import FAULTS, callers_fail
from filmed import EVERY, Film, frame
from looking import NOON

from sre_orchestrator.api.incidents import Record
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.bundle import read_bundle
from sre_orchestrator.core.detect import Symptom
from sre_orchestrator.core.models import Report
from sre_orchestrator.core.settings import Settings

OOM, DATABASE = FAULTS["memory_limit"], FAULTS["database_password"]
IN_CART, IN_ORDERS = (
    ("memory-limit-too-low", "deployment/shop/cart"),
    ("database-credentials-wrong", "deployment/shop/orders"),
)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("frames")
    return {
        ".": frame(folder, "healthy"),
        "c": frame(folder, "cart", OOM),
        "o": frame(folder, "orders", DATABASE),
        "b": frame(folder, "both", OOM, DATABASE),
        "m": frame(folder, "many", OOM, callers_of_cart),
        "u": frame(folder, "unresolved", unexplained),
        "d": frame(folder, "cache", OOM, lambda cluster: cluster.down("cart-cache")),
        "r": frame(folder, "rollout", CALM["fresh_rollout"]),
    }


def callers_of_cart(cluster: Cluster) -> None:
    for caller in ("web", "checkout"):
        callers_fail(cluster, caller, "cart", 7070)


def unexplained(cluster: Cluster) -> None:
    cluster.down("cart")


@pytest.fixture
def film(installation: Installation, frames: dict[str, Path], tmp_path: Path) -> Film:
    return Film(installation, frames, tmp_path)


def test_a_healthy_cluster_stays_without_incidents_over_twenty_rounds(film: Film) -> None:
    film.play("." * 20)

    assert film.events == []
    assert film.store.records == {}


def test_a_rollout_that_goes_on_opens_nothing(film: Film) -> None:
    assert film.play("rrrrr....").events == []


def test_a_crash_loop_that_heals_soon_opens_nothing(film: Film) -> None:
    assert film.play("..cc........").events == []


def test_a_crash_loop_that_lasts_opens_one_incident_and_its_end_closes_it(film: Film) -> None:
    film.play("..ccccc")

    assert film.events == ["open"]
    assert film.causes == [IN_CART]
    assert film.play(".....", begin=7).events == ["open", "closed"]
    assert film.store.open() == ()


def test_what_comes_and_goes_opens_one_incident(film: Film) -> None:
    film.play("c.c.c..c.cc..c")

    assert film.events == ["open"]


def test_ten_symptoms_of_one_cause_are_one_incident_whose_report_names_it(film: Film) -> None:
    film.play("mmm")

    assert film.causes == [IN_CART]
    assert len(film.only.symptoms) >= 5
    folder = film.store.folder(film.only)
    report = msgspec.json.decode((folder / "report.json").read_bytes(), type=Report)
    assert (report.hypotheses[0].cause, report.hypotheses[0].component) == IN_CART
    assert report.incident.id == film.only.id
    assert "cart" in report.incident.description
    assert read_bundle(folder / "bundle.json.gz").report.hypotheses[0].cause == IN_CART[0]


def test_two_independent_faults_are_two_incidents_and_each_report_names_its_own(film: Film) -> None:
    film.play("bbb")

    assert film.causes == sorted([IN_CART, IN_ORDERS])
    for one in film.store.open():
        report = msgspec.json.decode((film.store.folder(one) / "report.json").read_bytes(), type=Report)
        assert (report.hypotheses[0].cause, report.hypotheses[0].component) == (one.cause, one.component)
        assert report.narrative


def test_a_second_fault_opens_a_second_incident(film: Film) -> None:
    film.play("cccbbb")

    assert film.events == ["open", "open"]
    assert film.causes == sorted([IN_CART, IN_ORDERS])


def test_one_of_two_incidents_ends(film: Film) -> None:
    film.play("bbbooooo")

    assert film.events == ["open", "open", "closed"]
    assert film.causes == [IN_ORDERS]


def test_further_symptoms_of_the_same_cause_update_the_incident(film: Film) -> None:
    film.play("cccmmm")

    assert film.events == ["open", "updated"]
    assert film.only.status == "updated"
    assert any("checkout" in one.component for one in film.only.symptoms)


def test_an_incident_without_a_cause_gets_it_when_it_shows(film: Film) -> None:
    film.play("uuu")
    assert film.causes == [("", "")]

    film.play("mmm", begin=3)

    assert film.causes == [IN_CART]
    assert film.events == ["open", "updated"]


@pytest.mark.parametrize("blind", ["!", "?"])
def test_rounds_that_see_nothing_close_nothing(film: Film, blind: str) -> None:
    film.play("ccc" + blind * 8)

    assert film.causes == [IN_CART]
    assert film.events == ["open"]


def test_every_round_may_be_the_last_of_a_process(
    installation: Installation, frames: dict[str, Path], tmp_path: Path
) -> None:
    events = []
    for number, letter in enumerate("ccccc....."):
        events += Film(installation, frames, tmp_path).play(letter, begin=number).events

    assert events == ["open", "closed"]


def test_a_process_that_dies_before_it_keeps_what_it_follows_opens_nothing_twice(
    installation: Installation, frames: dict[str, Path], tmp_path: Path
) -> None:
    Film(installation, frames, tmp_path).play("cc")
    state = tmp_path / "watch.json"
    before = state.read_bytes()
    Film(installation, frames, tmp_path).play("c", begin=2)
    state.write_bytes(before)

    after = Film(installation, frames, tmp_path).play("ccc", begin=3)

    assert after.events == []
    assert after.causes == [IN_CART]


@pytest.mark.parametrize("damage", [b"{", b'{"format": 9}', b"\xff"])
def test_a_damaged_state_begins_afresh_but_keeps_open_incidents(
    installation: Installation, frames: dict[str, Path], tmp_path: Path, damage: bytes
) -> None:
    Film(installation, frames, tmp_path).play("ccc")
    (tmp_path / "watch.json").write_bytes(damage)

    after = Film(installation, frames, tmp_path)

    assert bool(after.store.warnings) is (damage != b'{"format": 9}')
    assert after.causes == [IN_CART]
    assert after.play("cc.....", begin=3).events == ["closed"]


def test_a_damaged_incident_is_left_out_with_a_warning(
    installation: Installation, frames: dict[str, Path], tmp_path: Path
) -> None:
    first = Film(installation, frames, tmp_path).play("ccc")
    (first.store.folder(first.only) / "incident.json").write_bytes(b"{")

    after = Film(installation, frames, tmp_path)

    assert after.store.open() == ()
    assert len(after.store.warnings) == 1


def recorded(film: Film, *symptoms: Symptom) -> Record:
    """Return an old incident without a cause, as a watch before this one left it."""
    before = NOON - timedelta(hours=1)
    record = Record(id="old", description="old", opened=before, updated=before, diagnosed=before, symptoms=symptoms)
    film.store.write(record)
    return record


CALLS = Symptom(kind="log.failing_calls", component="deployment/shop/checkout")
ELSEWHERE = Symptom(kind="workload.unavailable", component="deployment/bank/ledger", symptom="unavailable")


def test_an_incident_whose_cause_turns_out_to_be_known_is_merged(
    installation: Installation, frames: dict[str, Path], tmp_path: Path
) -> None:
    recorded(Film(installation, frames, tmp_path).play("ccc"), CALLS)

    film = Film(installation, frames, tmp_path).play("mmm", begin=3)

    merged = film.store.records["old"]
    assert (merged.status, merged.merged_into) == ("closed", film.only.id)
    assert film.causes == [IN_CART]


def test_an_incident_loses_only_the_symptoms_of_another_cause(
    installation: Installation, frames: dict[str, Path], tmp_path: Path
) -> None:
    recorded(Film(installation, frames, tmp_path).play("ccc"), CALLS, ELSEWHERE)

    film = Film(installation, frames, tmp_path).play("mmm", begin=3)

    assert film.store.records["old"].symptoms == (ELSEWHERE,)
    assert film.store.records["old"].merged_into == ""
    assert film.causes == [IN_CART]


def test_related_symptoms_without_a_cause_join_an_incident_and_leave_its_report(film: Film) -> None:
    film.play("ccc")
    report = (film.store.folder(film.only) / "report.json").read_bytes()

    film.play("ddd", begin=3)

    assert film.causes == [IN_CART]
    assert film.events == ["open", "updated"]
    assert any(one.component == "deployment/shop/cart-cache" for one in film.only.symptoms)
    assert (film.store.folder(film.only) / "report.json").read_bytes() == report


def test_an_incident_of_another_cluster_is_not_ours(film: Film, tmp_path: Path) -> None:
    film.play("ccc")
    other: Record = msgspec.structs.replace(film.only, id="other", cluster="elsewhere")
    film.store.write(other)

    again = type(film.store)(tmp_path)

    assert [one.cluster for one in again.open()] == [""]
    assert [one.id for one in type(film.store)(tmp_path, "elsewhere").open()] == ["other"]


@pytest.mark.parametrize("name", FAULTS)
def test_one_fault_is_one_incident(installation: Installation, tmp_path: Path, name: str) -> None:
    expected: list[tuple[str, str]] = []
    path = frame(tmp_path, "fault", lambda cluster: expected.append(FAULTS[name](cluster)))
    once = msgspec.structs.replace(EVERY, open_after=1)

    film = Film(installation, {"x": path}, tmp_path / "state", once).play("x")

    assert film.causes == expected
