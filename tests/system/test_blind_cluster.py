"""The whole program on faults that were written before anyone looked at the rules for them."""

from __future__ import annotations

from pathlib import Path

import anyio
import blind_cluster_admission
import blind_cluster_nodes
import blind_cluster_scheduling
import pytest
from blind_cluster import CASES
from clusters import shop

from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.settings import Settings

PLACES = (blind_cluster_admission, blind_cluster_nodes, blind_cluster_scheduling)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))


@pytest.mark.parametrize("name", CASES)
def test_a_fault_nobody_wrote_rules_for_comes_first(installation: Installation, tmp_path: Path, name: str) -> None:
    cluster = shop()
    expected = CASES[name](cluster)

    report = anyio.run(diagnose_snapshot, installation, cluster.write(tmp_path)).report

    found = [(one.cause, one.component) for one in report.hypotheses]
    assert found[:1] == [expected], [
        (one.cause, one.component, one.confidence, one.terms, one.because) for one in report.hypotheses[:4]
    ]
    assert report.verdict == "diagnosed"


def test_every_place_gives_something() -> None:
    assert {place.__name__ for place in PLACES} == {make.__module__ for make in CASES.values()}
