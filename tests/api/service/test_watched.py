"""``serve --watch``: what is found becomes incidents of the service, and its twin is the one that is asked."""

from __future__ import annotations

import json
import signal
from datetime import timedelta
from pathlib import Path

import anyio
import httpx
import pytest
from calm import CALM
from clusters import Cluster
from faults import FAULTS, callers_fail
from filmed import Film, frame
from keeping import eventually
from looking import NOON
from msgspec.structs import replace
from served import served

from sre_orchestrator.api.service.models import Arrival, Feedback, IncidentView, Query, Reported
from sre_orchestrator.api.service.store import Database, open_database
from sre_orchestrator.api.service.watched import Handing, Watched
from sre_orchestrator.api.watching import Round
from sre_orchestrator.api.wire import serving, write_kubeconfig
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.bundle import bundle_from
from sre_orchestrator.core.settings import Settings, Watch

DEMO = Path(__file__).parents[3] / "api" / "demo" / "shop"
OFTEN = "watch: {interval_seconds: 0.2, settle_seconds: 0}\n"
IN_CART = ("memory-limit-too-low", "deployment/shop/cart")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("frames")
    return {
        ".": frame(folder, "healthy"),
        "b": frame(folder, "both", FAULTS["memory_limit"], FAULTS["database_password"]),
        "c": frame(folder, "cart", FAULTS["memory_limit"]),
        "m": frame(folder, "more", FAULTS["memory_limit"], callers_of_cart),
        "u": frame(folder, "unresolved", lambda cluster: cluster.down("cart")),
        "r": frame(folder, "rollout", CALM["fresh_rollout"]),
    }


def callers_of_cart(cluster: Cluster) -> None:
    for caller in ("web", "checkout"):
        callers_fail(cluster, caller, "cart", 7070)


class Played:
    """A film and a service that is told of it after each part."""

    def __init__(self, film: Film, state: Path) -> None:
        self.film = film
        self.state = state
        self.store = open_database("", state)
        self.restart()

    def restart(self) -> None:
        """Forget what the service was told."""
        self._handing = Handing(self, self.film.store, self.store, lambda: NOON + timedelta(minutes=1))

    async def round(self) -> Round:
        """Return a round that has been."""
        return Round(
            at=NOON,
            facts=0,
            gaps=0,
            failed=(),
            agents_ms={},
            followed=0,
            open=0,
            requests=0,
            changes=0,
            twin_age_seconds=0.0,
        )

    def play(self, script: str, *, begin: int = 0) -> Played:
        """Run a round a letter, and tell."""
        self.film.play(script, begin=begin)
        return self.tell()

    def tell(self) -> Played:
        """Tell the service."""
        anyio.run(self._handing.round)
        return self

    @property
    def incidents(self) -> list[IncidentView]:
        """Return what the service has, the oldest first."""
        found = [self.store.get(one.id) for one in self.store.list(Query(sort="created_at")).items]
        return [one for one in found if one]


@pytest.fixture
def played(installation: Installation, frames: dict[str, Path], tmp_path: Path) -> Played:
    return Played(Film(installation, frames, tmp_path), tmp_path)


def steps(store: Database, incident: str) -> list[str]:
    return [one.what for one in store.happened(incident)]


def test_calm_rounds_report_nothing(played: Played) -> None:
    assert played.play("..rrr.").incidents == []


def test_what_opens_is_an_incident_with_its_report_that_nobody_investigates_again(played: Played) -> None:
    (found,) = played.play("ccc").incidents

    assert (found.status, found.origin, found.cause, found.component) == ("done", "watch", *IN_CART)
    assert (found.seen, found.attempts, found.reported.at) == (1, 0, NOON + timedelta(minutes=1))
    assert found.report is not None
    assert found.report.incident.id == found.id
    kept = played.store.bundle(found.id)
    assert kept is not None
    assert bundle_from(kept, "").report == found.report
    assert steps(played.store, found.id) == ["queued", "done"]
    assert played.store.claim(NOON) is None


def test_a_restart_tells_the_same_again_and_changes_nothing(played: Played) -> None:
    before = played.play("ccc").incidents

    played.restart()

    assert played.tell().incidents == before


def confirmed(store: Database, film: Film, comment: str, namespace: str = "") -> str:
    """Keep another incident with the report of the watch's own one, and what somebody said of it."""
    kept = bundle_from((film.store.folder(film.only) / "bundle.json.gz").read_bytes(), "")
    reported = Reported(description="cart was killed", namespace=namespace or kept.report.incident.namespace)
    name = store.accept(Arrival(reported=reported, origin="api"), NOON).record.id
    store.claim(NOON, name)
    store.finish(name, kept, NOON)
    said = Feedback(cause=IN_CART[0], component=IN_CART[1], right=True, comment=comment)
    store.feedback(name, said, "eve", NOON)
    return name


def past(incident: IncidentView) -> list[str]:
    assert incident.report is not None
    return [one.passage for one in incident.report.hypotheses[0].runbooks if one.past]


def test_an_incident_of_the_watch_is_told_with_what_was_seen_before(played: Played) -> None:
    played.film.play("ccc")
    confirmed(played.store, played.film, "we raised the limit")
    confirmed(played.store, played.film, "nobody else knows", namespace="bank")

    (found,) = [one for one in played.tell().incidents if one.origin == "watch"]

    assert past(found) == ["This was right: we raised the limit"]
    kept = played.store.bundle(found.id)
    assert kept is not None
    assert bundle_from(kept, "").report == found.report


def test_what_is_said_later_changes_no_report_of_the_watch_and_none_is_told_of_itself(played: Played) -> None:
    (before,) = played.play("ccc").incidents
    played.store.feedback(before.id, Feedback(cause=IN_CART[0], component=IN_CART[1], right=True), "eve", NOON)
    confirmed(played.store, played.film, "again")

    played.restart()
    (after,) = [one for one in played.tell().incidents if one.origin == "watch"]

    assert past(after) == []
    assert steps(played.store, after.id) == ["queued", "done"]


def test_a_report_of_the_watch_that_changes_is_told_with_others_and_not_with_itself(played: Played) -> None:
    (before,) = played.play("uuu").incidents
    played.film.play("mmm", begin=3)
    confirmed(played.store, played.film, "again")
    played.store.feedback(before.id, Feedback(cause=IN_CART[0], component=IN_CART[1], right=True), "eve", NOON)

    (after,) = [one for one in played.tell().incidents if one.origin == "watch"]

    assert (after.id, past(after)) == (before.id, ["This was right: again"])


def test_a_cause_that_shows_later_takes_its_place_in_the_report(played: Played) -> None:
    (before,) = played.play("uuu").incidents
    (after,) = played.play("mmm", begin=3).incidents

    assert (before.verdict, after.verdict, before.id) == ("unresolved", "diagnosed", after.id)
    assert after.report is not None
    assert (after.report.hypotheses[0].cause, after.cause, after.component) == (IN_CART[0], *IN_CART)


def test_what_ends_is_over_and_what_comes_again_is_another_incident(played: Played) -> None:
    played.play("ccc")
    (over,) = played.play(".....", begin=3).incidents
    again = [one for one in played.play("ccc", begin=20).incidents if one != over]

    assert over.resolved_at is not None
    assert [(one.resolved_at, one.cause) for one in again] == [(None, over.cause)]


def test_two_faults_are_two_incidents_and_each_report_names_its_own(played: Played) -> None:
    found = played.play("bbb").incidents

    assert sorted(one.cause for one in found) == ["database-credentials-wrong", "memory-limit-too-low"]
    assert all(one.report and one.report.hypotheses[0].cause == one.cause for one in found)


def test_what_cannot_be_stored_is_told_after_the_next_round(played: Played) -> None:
    played.film.play("ccc")
    folder = played.film.store.folder(played.film.only)
    report = (folder / "report.json").read_bytes()
    (folder / "report.json").write_bytes(b"{")

    assert played.tell().incidents == []

    (folder / "report.json").write_bytes(report)
    assert len(played.tell().incidents) == 1


def test_a_description_that_is_too_long_is_cut(played: Played) -> None:
    record = played.film.play("ccc").only
    played.film.store.write(replace(record, description="x" * 9000))
    (found,) = played.tell().incidents

    assert found.reported.description == "x" * 4000


def settings(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "settings.yaml").write_text(OFTEN)
    return folder / "settings.yaml"


def items(address: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = httpx.get(f"{address}/api/v1/incidents").json()["items"]
    return found


def test_a_service_watches_the_snapshot_that_it_serves_and_ends_when_asked_to(tmp_path: Path) -> None:
    read = settings(tmp_path / "set")
    with served(tmp_path / "state", read, ("--snapshot", DEMO, "--watch")) as (process, address):
        eventually(lambda: bool(items(address)), "an incident")
        (found,) = items(address)
        process.send_signal(signal.SIGTERM)
        code = process.wait(30)

    assert code == 0
    assert (found["origin"], found["status"], found["cause"]) == ("watch", "done", "memory-limit-too-low")


def test_a_service_keeps_the_twin_of_a_running_cluster_and_answers_from_it(tmp_path: Path) -> None:
    read = settings(tmp_path / "set")
    with serving(DEMO) as url:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", url)
        with served(tmp_path / "state", read, ("--kubeconfig", kubeconfig, "--watch")) as (process, address):
            eventually(lambda: bool(items(address)), "an incident")
            (found,) = items(address)
            components = httpx.get(f"{address}/api/v1/components", params={"kind": "deployment"}).json()["items"]
            impact = httpx.get(f"{address}/api/v1/components/{found['component']}/impact").json()
            process.send_signal(signal.SIGTERM)
            code = process.wait(30)

    assert code == 0
    assert (found["origin"], found["component"]) == ("watch", "deployment/shop/pricing")
    assert "deployment/shop/pricing" in [one["id"] for one in components]
    assert impact["components"]
    log = (tmp_path / "state" / "serve.log").read_text()
    assert [one for one in map(json.loads, log.splitlines()) if one["level"] == "error"] == []


def test_a_kubeconfig_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    serving_it = served(tmp_path / "state", None, ("--kubeconfig", tmp_path / "nowhere", "--watch"))

    with pytest.raises(AssertionError, match="nowhere: does not exist"), serving_it:
        pass


@pytest.mark.parametrize(("replica", "told"), [(0, True), (1, False)])
def test_the_first_of_several_replicas_hands_over(tmp_path: Path, replica: int, told: bool) -> None:
    often = Watch(interval_seconds=0.2, settle_seconds=0, open_after=1)
    store = open_database("", tmp_path)
    watched = Watched(store, Installation(Settings(state_dir=str(tmp_path), watch=often, replica=replica)), DEMO)

    async def until_found() -> None:
        async with watched.running():
            await anyio.to_thread.run_sync(eventually, lambda: list(tmp_path.glob("incidents/*/incident.json")))

    anyio.run(until_found)

    assert bool(store.list(Query()).items) == told
