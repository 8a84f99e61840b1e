"""The whole program on incidents of services that nobody had written a rule for when they were written."""

from __future__ import annotations

from pathlib import Path

import anyio
import blind_railway_data
import blind_railway_pods
import blind_shop_data
import blind_shop_pods
import blind_shop_routes
import pytest
from blind_services import MISSED, RAILWAY, SHOP
from clusters import shop
from railway import railway

from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.models import Report
from sre_orchestrator.core.settings import Settings

PLACES = (blind_railway_data, blind_railway_pods, blind_shop_data, blind_shop_pods, blind_shop_routes)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))


def report_of(installation: Installation, path: Path) -> Report:
    return anyio.run(diagnose_snapshot, installation, path).report


@pytest.mark.parametrize("name", [name for name in SHOP if name not in MISSED])
def test_a_blind_incident_of_the_shop_comes_first(installation: Installation, tmp_path: Path, name: str) -> None:
    cluster = shop()
    expected = SHOP[name](cluster)

    report = report_of(installation, cluster.write(tmp_path))

    found = [(one.cause, one.component, one.confidence, one.because) for one in report.hypotheses]
    assert [one[:2] for one in found[:1]] == [expected], found[:4]


@pytest.mark.parametrize("name", [name for name in RAILWAY if name not in MISSED])
def test_a_blind_incident_of_the_railway_comes_first(installation: Installation, tmp_path: Path, name: str) -> None:
    cluster = railway()
    expected = RAILWAY[name](cluster)

    report = report_of(installation, cluster.write(tmp_path))

    found = [(one.cause, one.component, one.confidence, one.because) for one in report.hypotheses]
    assert [one[:2] for one in found[:1]] == [expected], found[:4]


def test_what_is_missed_is_a_case() -> None:
    assert MISSED.keys() <= SHOP.keys() | RAILWAY.keys()


def test_every_place_gives_something() -> None:
    registered = {make.__module__ for make in (*SHOP.values(), *RAILWAY.values())}

    assert {place.__name__ for place in PLACES} <= registered
