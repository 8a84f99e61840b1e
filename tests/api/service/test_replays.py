"""Bundles to replay have a limit of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from litestar.testing import TestClient
from reports import NOW, report
from service import bundle_of

from sre_orchestrator.api.service.app import application
from sre_orchestrator.api.service.dispatch import InProcess, Silent
from sre_orchestrator.api.service.investigators import Live
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.api.service.store import open_database
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.bundle import bundle_bytes
from sre_orchestrator.core.settings import Service as Limits
from sre_orchestrator.core.settings import Settings

REPLAY = "/api/v1/replay"
BODY, BUNDLE = 100, 5000


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient[object]]:
    settings = Settings(state_dir=str(tmp_path), service=Limits(body_bytes=BODY, bundle_bytes=BUNDLE))
    installation = Installation(settings)
    with closing(open_database("", tmp_path)) as store:
        dispatcher = InProcess(store, Live(installation), Silent(), limits=settings.service)
        service = Service(installation=installation, store=store, dispatcher=dispatcher)
        with TestClient(application(service), base_url="http://127.0.0.1") as asked:
            yield asked


def test_a_bundle_may_be_larger_than_other_bodies_up_to_a_limit_of_its_own(client: TestClient[object]) -> None:
    bundle = bundle_bytes(bundle_of(report()))

    replayed = client.post(REPLAY, content=bundle)
    too_large = client.post(REPLAY, content=bytes(BUNDLE + 1))
    reported = client.post("/api/v1/incidents", json={"description": "x" * BODY})

    assert BODY < len(bundle) < BUNDLE
    assert replayed.status_code == 200
    assert replayed.json()["report"]["incident"]["at"] == f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
    assert (too_large.status_code, too_large.json()["type"]) == (413, "/problems/request-entity-too-large")
    assert reported.status_code == 413
