"""Nothing that was accepted is lost: the service is killed at random moments, and every incident ends with one report."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from served import served

from sre_orchestrator.api.service.models import IncidentRecord, Query
from sre_orchestrator.api.service.store import Database, open_database

INCIDENTS = int(os.environ.get("SRE_TEST_KILLED_INCIDENTS", "40"))
pytestmark = pytest.mark.timeout(600)


@contextmanager
def serving(state: Path) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """Yield a running service and a client of it; it is killed at the end."""
    with (
        served(state) as (process, address),
        httpx.Client(base_url=address, timeout=10, trust_env=False) as client,
    ):
        yield process, client


def report(client: httpx.Client, number: int) -> str | None:
    """Return the id of an accepted incident, or nothing where the service was gone."""
    try:
        answer = client.post("/api/v1/incidents", json={"description": f"checkout answers 500, {number}"})
    except httpx.TransportError:
        return None
    return str(answer.json()["id"]) if answer.status_code == 202 else None


def test_every_accepted_incident_ends_with_one_report(tmp_path: Path) -> None:
    chance, accepted = random.Random(7), list[str]()
    while len(accepted) < INCIDENTS:
        with serving(tmp_path) as (_, client):
            until = time.monotonic() + chance.uniform(0.05, 1.5)
            while time.monotonic() < until and len(accepted) < INCIDENTS:
                if name := report(client, len(accepted)):
                    accepted.append(name)
    with serving(tmp_path) as (process, client):
        deadline = time.monotonic() + 400
        while client.get("/api/v1/incidents", params={"status": "queued", "limit": 1}).json()["items"]:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0

    store = open_database("", tmp_path)
    found = {one.id: one.status for one in _all(store)}
    assert set(accepted) <= set(found)
    assert set(found.values()) == {"done"}
    for name in accepted:
        assert [one.what for one in store.happened(name)].count("done") == 1


def _all(store: Database) -> Iterator[IncidentRecord]:
    query = Query(limit=200)
    while True:
        page = store.list(query)
        yield from page.items
        if not page.next_cursor:
            return
        query = Query(limit=200, cursor=page.next_cursor)
