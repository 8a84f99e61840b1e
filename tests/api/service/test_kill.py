"""Nothing that was accepted is lost: the service is killed at random moments, and every incident ends with one report."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest
from metric_servers import until
from postgres import fresh_database
from served import served

from sre_orchestrator.api.service.models import IncidentRecord, Query
from sre_orchestrator.api.service.store import Database, open_database

INCIDENTS = int(os.environ.get("SRE_TEST_KILLED_INCIDENTS", "20"))
FEWEST_DEATHS = 4
STALLED_SECONDS = 5
pytestmark = pytest.mark.timeout(1800)


class Replica:
    """A service in a process of its own, that can be killed and started again; it is killed at the end."""

    def __init__(self, folder: Path, url: str, running: ExitStack) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._settings = folder / "settings.yaml"
        service = {"database_url": url, "stalled_seconds": STALLED_SECONDS}
        self._settings.write_text(json.dumps({"service": service}), encoding="utf-8")
        self._running = running
        self.deaths = -1
        self.start()

    def start(self) -> None:
        """Kill it where it stands, and start it again."""
        self._running.close()
        self.deaths += 1
        self.process: subprocess.Popen[bytes]
        begun = time.monotonic()
        self.process, self._address = self._running.enter_context(served(self._folder, self._settings))
        self.started_within = time.monotonic() - begun

    def end(self) -> int:
        """Ask it to end, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self._running.close()
        return code

    def report(self, number: int) -> str | None:
        """Return the id of an incident that it accepted, or nothing where it was killed meanwhile."""
        words = {"description": f"checkout answers 500, {number}"}
        try:
            answer = httpx.post(f"{self._address}/api/v1/incidents", json=words, timeout=30, trust_env=False)
        except httpx.TransportError:
            return None
        assert answer.status_code == 202
        return str(answer.json()["id"])

    def left(self) -> bool:
        """Return whether some incident has no report yet."""
        listed = (f"{self._address}/api/v1/incidents?limit=1&status={one}" for one in ("queued", "running"))
        return any(httpx.get(one, timeout=30, trust_env=False).json()["items"] for one in listed)


def report_all(fleet: list[Replica], chance: random.Random) -> list[str]:
    """Report to whoever lives, little by little, and return what was accepted."""
    accepted = list[str]()
    while len(accepted) < INCIDENTS:
        if name := chance.choice(fleet).report(len(accepted)):
            accepted.append(name)
        time.sleep(chance.uniform(0, 1))  # all at once would leave nothing for the later moments
    return accepted


def killed(fleet: list[Replica], chance: random.Random) -> list[str]:
    """Kill the services at random moments while they are reported to; return what was accepted."""
    with ThreadPoolExecutor(1) as threads:
        reporting = threads.submit(report_all, fleet, random.Random(8))
        while not reporting.done() or sum(one.deaths for one in fleet) < FEWEST_DEATHS:
            one = chance.choice(fleet)
            time.sleep(chance.uniform(0, 3) * one.started_within)  # a busy machine must get on, too
            one.start()
        return reporting.result()


@pytest.mark.parametrize(("database", "replicas"), [("sqlite", 1), ("postgresql", 3)])
def test_every_accepted_incident_ends_with_one_report(tmp_path: Path, database: str, replicas: int) -> None:
    url = fresh_database() if database == "postgresql" else ""
    chance, begun = random.Random(7), time.monotonic()
    with ExitStack() as ending:
        stacks = [ending.enter_context(ExitStack()) for _ in range(replicas)]
        fleet = [Replica(tmp_path / str(number), url, one) for number, one in enumerate(stacks)]
        accepted = killed(fleet, chance)
        until(lambda: not fleet[0].left(), 1500)
        deaths = sum(one.deaths for one in fleet)
        assert [one.end() for one in fleet] == [0] * replicas

    with closing(open_database(url, tmp_path / "0")) as store:
        found = {one.id: one for one in _all(store)}
        assert set(accepted) <= set(found)
        assert {one.status for one in found.values()} == {"done"}
        for name in found:
            assert [one.what for one in store.happened(name)].count("done") == 1
    again = sum(one.attempts > 1 for one in found.values())
    print(
        f"{database}: {len(found)} incidents, {deaths} deaths, {again} taken up again, {time.monotonic() - begun:.0f} s"
    )


def _all(store: Database) -> Iterator[IncidentRecord]:
    query = Query(limit=200)
    while True:
        page = store.list(query)
        yield from page.items
        if not page.next_cursor:
            return
        query = Query(limit=200, cursor=page.next_cursor)
