"""The component graph that the service answers from, and what it answers where there is none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from keeping import kept
from litestar.testing import TestClient
from shop import NAMESPACE
from structlog.testing import capture_logs

from sre_orchestrator.api.service.app import application
from sre_orchestrator.api.service.dispatch import InProcess, Silent
from sre_orchestrator.api.service.investigators import Live
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.api.service.store import open_database
from sre_orchestrator.api.service.twins import KeptTwin, NoTwin, Nowhere, RecordedTwin, Twins
from sre_orchestrator.api.wire import serving, write_kubeconfig
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.hookspecs import Source, hookimpl
from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.core.settings import ClusterAccess, Settings
from sre_orchestrator.twin.store import TwinStore

DEMO = Path(__file__).parents[3] / "api" / "demo" / "shop"
PRICING = "deployment/shop/pricing"


def known(twin: TwinStore) -> list[str]:
    return [one.id for one in twin.components("deployment", NAMESPACE)]


def test_a_recorded_twin_is_built_once_and_asked_from_any_thread(tmp_path: Path) -> None:
    with closing(RecordedTwin(Installation(Settings(state_dir=str(tmp_path))), DEMO)) as twins:
        first, second = (twins.ask(lambda twin: (id(twin), known(twin))) for _ in range(2))

    assert first == second
    assert PRICING in first[1]


def test_a_recorded_twin_holds_what_plugins_recorded_and_logs_what_they_could_not_tell(
    tmp_path: Path,
) -> None:
    class Vendor:
        name = "vendor"

        @hookimpl
        def register_snapshot_sources(self) -> Sequence[Source]:
            return [self]

        async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
            yield Component(id="external/pay")
            raise RuntimeError("half of it is lost")

    installation = Installation(Settings(state_dir=str(tmp_path)))
    installation.plugins.manager.register(Vendor(), "vendor")

    with capture_logs() as logged, closing(RecordedTwin(installation, DEMO)) as twins:
        found = twins.ask(lambda twin: [one.id for one in twin.components("external")])

    assert found == ["external/pay"]
    assert [one["problem"].partition(": ")[0] for one in logged] == ["vendor"]
    assert logged[0]["problem"].endswith("RuntimeError: half of it is lost")


def test_a_recorded_twin_that_nobody_asked_is_not_built(tmp_path: Path) -> None:
    twins = RecordedTwin(Installation(Settings(state_dir=str(tmp_path))), tmp_path / "nowhere")

    twins.close()


def test_a_kept_twin_is_as_it_is_now(tmp_path: Path) -> None:
    with serving(DEMO) as url:
        kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", url)
        settings = Settings(state_dir=str(tmp_path), cluster=ClusterAccess(kubeconfig=str(kubeconfig)))
        with closing(KeptTwin(settings)) as twins:
            with pytest.raises(NoTwin, match="run serve --watch"):
                twins.ask(known)
            with kept(settings):
                found = twins.ask(known)

    assert PRICING in found


def test_a_service_without_a_twin_says_so() -> None:
    with closing(Nowhere()) as twins, pytest.raises(NoTwin, match="no twin"):
        twins.ask(known)


@pytest.fixture(params=[KeptTwin, lambda _: Nowhere()], ids=["not kept yet", "nowhere"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TestClient[object]]:
    settings = Settings(state_dir=str(tmp_path))
    twins: Twins = request.param(settings)
    installation = Installation(settings)
    with closing(open_database("", tmp_path)) as store:
        dispatcher = InProcess(store, Live(installation), Silent(), limits=settings.service)
        service = Service(installation=installation, store=store, dispatcher=dispatcher, twins=twins)
        with TestClient(application(service), base_url="http://127.0.0.1") as asked:
            yield asked


@pytest.mark.parametrize("asked", ["", f"/{PRICING}/impact", f"/{PRICING}/changes"])
def test_questions_about_components_that_nobody_knows_are_a_problem_of_its_own(
    client: TestClient[object], asked: str
) -> None:
    answer = client.get(f"/api/v1/components{asked}")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert (answer.json()["type"], answer.json()["title"]) == ("/problems/no-twin", "No Twin")
    assert "--watch" in client.get(answer.json()["type"]).text
