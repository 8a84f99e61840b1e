"""The whole program on incidents of a media platform, written by one who had not read the rules: another vendor's cluster."""

from __future__ import annotations

from pathlib import Path

import anyio
import blind_media_access
import blind_media_calm
import blind_media_data
import blind_media_decoys
import blind_media_load
import blind_media_nodes
import blind_media_placing
import blind_media_routes
import blind_media_run
import blind_media_start
import pytest
from blind_media_cases import DECOYS, HEALTHY, INCIDENTS, MISSED
from blind_media_site import media

from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.models import Report
from sre_orchestrator.core.settings import Settings

PLACES = (
    blind_media_access,
    blind_media_calm,
    blind_media_data,
    blind_media_decoys,
    blind_media_load,
    blind_media_nodes,
    blind_media_placing,
    blind_media_routes,
    blind_media_run,
    blind_media_start,
)
CASES = {**INCIDENTS, **DECOYS}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))


def report_of(installation: Installation, path: Path) -> Report:
    return anyio.run(diagnose_snapshot, installation, path).report


@pytest.mark.parametrize("name", [name for name in CASES if name not in MISSED])
def test_an_incident_of_the_media_platform_comes_first(installation: Installation, tmp_path: Path, name: str) -> None:
    site = media()
    expected = CASES[name](site)

    report = report_of(installation, site.write(tmp_path))

    found = [(one.cause, one.component, one.confidence, one.because) for one in report.hypotheses]
    assert [one[:2] for one in found[:1]] == [expected], found[:4]


@pytest.mark.parametrize("name", HEALTHY)
def test_a_noisy_day_of_the_media_platform_stays_unresolved(
    installation: Installation, tmp_path: Path, name: str
) -> None:
    site = media()
    HEALTHY[name](site)

    report = report_of(installation, site.write(tmp_path))

    assert report.verdict == "unresolved", [(one.cause, one.component, one.because) for one in report.hypotheses[:4]]


def test_what_is_missed_is_a_case() -> None:
    assert MISSED.keys() <= CASES.keys()


def test_every_place_gives_something() -> None:
    registered = {make.__module__ for make in (*CASES.values(), *HEALTHY.values())}

    assert {place.__name__ for place in PLACES} <= registered
