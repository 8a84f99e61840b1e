"""The whole program on a railway of Java services: causes and calm days that no recording of the shop shows."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
import railway_calm
import railway_databases
import railway_nodes
import railway_pods
import railway_routes
from railway import railway
from railway_cases import CASES, QUIET

from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.models import Report
from sre_orchestrator.core.settings import Settings

PLACES = (railway_calm, railway_databases, railway_nodes, railway_pods, railway_routes)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))


def report_of(installation: Installation, path: Path) -> Report:
    return anyio.run(diagnose_snapshot, installation, path).report


@pytest.mark.parametrize("name", CASES)
def test_a_fault_of_the_railway_comes_first(installation: Installation, tmp_path: Path, name: str) -> None:
    cluster = railway()
    expected = CASES[name](cluster)

    report = report_of(installation, cluster.write(tmp_path))

    found = [(one.cause, one.component) for one in report.hypotheses]
    assert found[:1] == [expected], [
        (one.cause, one.component, one.confidence, one.terms, one.because) for one in report.hypotheses[:4]
    ]
    assert report.verdict == "diagnosed"


@pytest.mark.parametrize("name", QUIET)
def test_a_calm_day_of_the_railway_stays_unresolved(installation: Installation, tmp_path: Path, name: str) -> None:
    cluster = railway()
    QUIET[name](cluster)

    report = report_of(installation, cluster.write(tmp_path))

    assert report.verdict == "unresolved", [
        (one.cause, one.component, one.confidence, one.because) for one in report.hypotheses[:4]
    ]


def test_every_place_gives_something() -> None:
    registered = {make.__module__ for make in (*CASES.values(), *QUIET.values())}

    assert {place.__name__ for place in PLACES} <= registered
