"""The whole program on the public benchmark's labels, written by one who had not read the rules."""

from __future__ import annotations

from pathlib import Path

import anyio
import blind_labels_data
import blind_labels_metrics
import blind_labels_pods
import blind_labels_routes
import pytest
from blind_labels import MISSED, RAILWAY, SHOP
from clusters import shop
from railway import railway

from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.settings import Settings

PLACES = (blind_labels_data, blind_labels_metrics, blind_labels_pods, blind_labels_routes)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))


def found(installation: Installation, path: Path) -> list[tuple[str, str, float, object]]:
    report = anyio.run(diagnose_snapshot, installation, path).report
    return [(one.cause, one.component, one.confidence, one.because) for one in report.hypotheses]


@pytest.mark.parametrize("name", [name for name in SHOP if name not in MISSED])
def test_a_label_in_the_shop_comes_first(installation: Installation, tmp_path: Path, name: str) -> None:
    cluster = shop()
    expected = SHOP[name](cluster)

    named = found(installation, cluster.write(tmp_path))

    assert [one[:2] for one in named[:1]] == [expected], named[:4]


@pytest.mark.parametrize("name", [name for name in RAILWAY if name not in MISSED])
def test_a_label_in_the_railway_comes_first(installation: Installation, tmp_path: Path, name: str) -> None:
    cluster = railway()
    expected = RAILWAY[name](cluster)

    named = found(installation, cluster.write(tmp_path))

    assert [one[:2] for one in named[:1]] == [expected], named[:4]


def test_what_is_missed_is_a_case() -> None:
    assert MISSED.keys() <= SHOP.keys() | RAILWAY.keys()


def test_every_place_gives_something() -> None:
    registered = {make.__module__ for make in (*SHOP.values(), *RAILWAY.values())}

    assert {place.__name__ for place in PLACES} <= registered
