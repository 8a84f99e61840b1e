"""Keeps a twin current: one thread reads a feed into a mirror, another writes what the mirror gathers in batches."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from threading import Event, Thread
from typing import Protocol

import anyio

from sre_orchestrator.api.alone import alone
from sre_orchestrator.api.others import Others
from sre_orchestrator.core.errors import InputError, SreError
from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.models import Gap
from sre_orchestrator.core.settings import Settings, TwinKeeping
from sre_orchestrator.plugins.objects.config import Namespace
from sre_orchestrator.plugins.sources.k8s import Cluster
from sre_orchestrator.plugins.sources.mirror import Batch, Mirror
from sre_orchestrator.plugins.sources.ports import ObjectFeed
from sre_orchestrator.twin.store import TwinStore

MINUTE = timedelta(minutes=1)
MIB = 1024**2
PATIENCE_SECONDS = 1.0
NEVER = datetime.min.replace(tzinfo=UTC)


class Listener(Protocol):
    """Is told what happens to a twin that is kept, by the thread that keeps it; must not raise."""

    def kept(self, batch: Batch, at: datetime) -> None:
        """Note that a batch is committed, as of ``at``; the first one is whole (``batch.delta.whole``)."""
        ...

    def failed(self, error: SreError) -> None:
        """Note that a batch could not be written; it is tried again."""
        ...

    def missing(self, gap: Gap) -> None:
        """Note that a source beside the cluster could not tell what it knows; what it told last stays."""
        ...


def keep(
    feed: ObjectFeed,
    mirror: Mirror,
    twin: TwinStore,
    *,
    stop: Event,
    listener: Listener,
    settings: TwinKeeping,
    others: Others | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Keep ``twin`` current until ``stop`` is set, beginning with what it remembers; sets ``stop`` when the feed ends.

    ``mirror`` is new, and is filled with what the twin's file remembers; the feed goes on from there.
    ``others`` are asked again and again what they know.

    Raises:
        SreError: what ended the feed.

    """
    mirror.load(twin.records(), twin.positions())
    others = others or Others()
    keeper = _Keeper(mirror, twin, listener, settings, others.asked)
    asking = Thread(target=others.keep_asking, args=(mirror, stop, listener.missing), name="others", daemon=True)
    asking.start()
    with ThreadPoolExecutor(1, thread_name_prefix="keep") as threads:
        reading = threads.submit(_read, feed, mirror, stop)
        try:
            while not (stop.wait(settings.batch_seconds) or reading.done()):
                keeper.step(clock())
        finally:
            stop.set()
        reading.result()
    asking.join(PATIENCE_SECONDS)  # one that hangs is left behind
    keeper.finish(clock())


@contextmanager
def kept_twin(settings: Settings, identity: str) -> Iterator[TwinStore]:
    """Yield the twin of the cluster that ``settings`` name, to be written by nobody else meanwhile.

    ``identity`` tells clusters apart that go by the same name one after the other (``identity_of``).

    Raises:
        InputError: another process keeps it, or the file cannot be used.

    """
    path = twin_path(settings)
    otherwise = f"{path}: another process keeps this twin; stop it, or give another --state-dir"
    with alone(path.with_suffix(".lock"), otherwise):
        twin = TwinStore(path)
        try:
            twin.belong_to(identity, version("sre-orchestrator"))
            yield twin
        finally:
            twin.close()


def others_of(sources: Sources, cluster: Cluster, settings: Settings) -> Others:
    """Return the sources beside ``cluster``, as they are asked for the twin."""
    return Others([one for one in sources.all if one is not cluster], settings.agent_timeout_seconds)


def identity_of(cluster: Cluster) -> str:
    """Return what no other cluster has: the uid of its namespace kube-system; where that cannot be read, its address."""
    namespaces = anyio.run(cluster.list, Namespace).items
    uid = next((one.metadata.uid for one in namespaces if one.metadata.name == "kube-system"), "")
    return uid or cluster.address


def twin_path(settings: Settings) -> Path:
    """Return where the twin of the cluster is kept: a file for each context, ``cluster.db`` for the default."""
    name = re.sub(r"[^A-Za-z0-9._-]", "_", settings.cluster.context) or "cluster"
    return Path(settings.state_dir) / "twin" / f"{name}.db"


def _read(feed: ObjectFeed, mirror: Mirror, stop: Event) -> None:
    for news in feed.follow(mirror.kinds, mirror.versions(), stop):
        mirror.heed(news)


class _Keeper:
    """Writes batches; one that cannot be written is tried again while the mirror gathers the next."""

    def __init__(
        self, mirror: Mirror, twin: TwinStore, listener: Listener, settings: TwinKeeping, asked: Event
    ) -> None:
        self._mirror = mirror
        self._twin = twin
        self._listener = listener
        self._settings = settings
        self._asked = asked
        self._waiting: tuple[Batch, datetime] | None = None
        self._begun: datetime | None = None
        self._written = self._tidied = NEVER

    def step(self, now: datetime) -> None:
        """Do what is due."""
        if self._waiting or self._due(now):
            self._write(now)
        if now - self._tidied >= MINUTE and not self._forget(now):
            self._tidied = now

    def finish(self, now: datetime) -> None:
        """Write what is left, unless that would take for gone what was not listed yet."""
        if self._waiting:
            self._write(now)
        if self._mirror.complete and not self._waiting:
            self._write(now)

    def _due(self, now: datetime) -> bool:
        """Say whether to write: the first time when the cluster is known, or a minute has passed; else what has changed.

        Versions alone, which only shorten the next start, wait for a minute too.
        """
        self._begun = self._begun or now
        if self._written is NEVER:
            return (self._mirror.complete and self._asked.is_set()) or now - self._begun >= MINUTE
        return self._mirror.stirred or now - self._written >= MINUTE

    def _write(self, now: datetime) -> None:
        batch, at = self._waiting = self._waiting or (self._mirror.take(), now)
        try:
            written = self._twin.apply(batch.delta, at)
        except InputError as error:
            self._listener.failed(error)
        else:
            self._waiting, self._written = None, now
            self._listener.kept(batch, written)

    def _forget(self, now: datetime) -> int:
        try:
            return self._twin.prune(now - timedelta(days=self._settings.history_days), self._settings.most_mib * MIB)
        except InputError as error:
            self._listener.failed(error)
            return 0
