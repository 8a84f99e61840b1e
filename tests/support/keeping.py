"""Keeps twins in threads for tests: of a cluster that is served over HTTP, and of a feed that a test writes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from queue import Empty, Queue
from typing import Any

from shop import patch

from sre_orchestrator.api.keeping import identity_of, keep, kept_twin, twin_path
from sre_orchestrator.core.errors import SreError
from sre_orchestrator.core.models import Gap
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.sources.k8s import open_cluster
from sre_orchestrator.plugins.sources.mirror import Batch, Mirror
from sre_orchestrator.plugins.sources.ports import Changed, Reached, Relisted
from sre_orchestrator.twin.store import TwinStore

GROUPS = {listed.kind: listed.group for listed in KINDS.values()}
News = Relisted | Changed | Reached
PATIENCE = 60.0


def served(made: dict[str, Any]) -> dict[str, Any]:
    """Return an object of ``shop`` with the apiVersion that a server needs."""
    group = GROUPS[made["kind"]]
    return patch(made, apiVersion=f"{group}/v1" if group else "v1")


def eventually(holds: Callable[[], bool], what: str = "it") -> None:
    """Wait until ``holds``; fail after ``PATIENCE`` seconds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"{what} does not come to hold"
        threading.Event().wait(0.02)


class Heard:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.batches: list[tuple[Batch, datetime]] = []
        self.errors: list[SreError] = []
        self.gaps: list[Gap] = []

    def kept(self, batch: Batch, at: datetime) -> None:
        """Remember a batch."""
        self.batches.append((batch, at))

    def failed(self, error: SreError) -> None:
        """Remember an error."""
        self.errors.append(error)

    def missing(self, gap: Gap) -> None:
        """Remember a gap."""
        self.gaps.append(gap)


class Scripted:
    """A feed that tells what a test puts into ``news``; ``asked_since`` are the versions that it was asked to go on from."""

    def __init__(self, *news: News) -> None:
        self.news: Queue[News | Exception] = Queue()
        for one in news:
            self.news.put(one)
        self.asked_since: Mapping[type[Object], str] = {}

    def follow(
        self, kinds: Sequence[type[Object]], since: Mapping[type[Object], str], stop: threading.Event
    ) -> Iterator[News]:
        """Yield the script until ``stop``; an exception in it is raised."""
        del kinds
        self.asked_since = dict(since)
        while not stop.is_set():
            try:
                one = self.news.get(timeout=0.02)
            except Empty:
                continue
            if isinstance(one, Exception):
                raise one
            yield one


@contextmanager
def kept(settings: Settings) -> Iterator[tuple[TwinStore, Heard, Mirror]]:
    """Keep the twin of the cluster of ``settings`` while the context lasts; yield a reader of its file once it is whole."""
    stop, heard, mirror = threading.Event(), Heard(), Mirror()
    problems: list[BaseException] = []

    def run() -> None:
        try:
            cluster = open_cluster(settings, {})
            with kept_twin(settings, identity_of(cluster)) as twin:
                keep(cluster, mirror, twin, stop=stop, listener=heard, settings=settings.twin)
            cluster.close()
        except Exception as error:  # noqa: BLE001 - told to the test
            problems.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        eventually(lambda: bool(heard.batches or problems), "the first batch")
        assert not problems, problems
        reader = TwinStore(twin_path(settings), read_only=True)
        yield reader, heard, mirror
        reader.close()
    finally:
        stop.set()
        thread.join()
    assert not problems, problems
