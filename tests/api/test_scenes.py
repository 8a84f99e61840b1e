"""Watching a running cluster: over the wire, with what changes between rounds."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from anyio import to_thread
from clusters import Cluster as Objects
from clusters import shop
from faults import FAULTS
from filmed import EVERY
from keeping import PATIENCE, served
from metric_servers import prometheus
from shop import thing

from sre_orchestrator.api import scenes
from sre_orchestrator.api.incidents import IncidentStore
from sre_orchestrator.api.keeping import twin_path
from sre_orchestrator.api.scenes import Followed, Listed, NoLogs
from sre_orchestrator.api.watching import Round, Scenes, Told, Watcher
from sre_orchestrator.api.wire import Store, serving, store_of, write_kubeconfig
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.errors import InputError, SourceMissing, SreError
from sre_orchestrator.core.hookspecs import Source, hookimpl
from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.core.ports import Delta
from sre_orchestrator.core.settings import ClusterAccess, Endpoint, Settings, SnapshotLimits, TwinKeeping
from sre_orchestrator.plugins.sources.k8s import Cluster
from sre_orchestrator.plugins.sources.ports import LogStream
from sre_orchestrator.plugins.sources.snapshot import open_snapshot
from sre_orchestrator.twin.store import TwinStore

NOON = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
CAUSE = ("memory-limit-too-low", "deployment/shop/cart")


class Heard:
    """Remembers what is told."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def told(self, news: Told) -> None:
        """Remember."""
        self.events.append(news.event)


class Clock:
    """Noon, and thirty seconds later each time that a test moves it."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    with open_snapshot(shop().write(tmp_path / "snapshot"), SnapshotLimits()) as snapshot:
        return store_of(snapshot).store


@pytest.fixture
def url(store: Store) -> Iterator[str]:
    with serving(store, bookmark_seconds=0.2) as url:
        yield url


def settings_of(tmp_path: Path, url: str) -> Settings:
    kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", url)
    return Settings(
        state_dir=str(tmp_path / "state"),
        cluster=ClusterAccess(kubeconfig=str(kubeconfig), timeout_seconds=3),
        twin=TwinKeeping(batch_seconds=0.05),
    )


def broken() -> tuple[Objects, Objects]:
    """Return the healthy shop, and one with a fault."""
    cluster = shop()
    FAULTS["memory_limit"](cluster)
    return shop(), cluster


def change(store: Store, before: Objects, after: Objects) -> None:
    """Bring what is served from one state to the other."""
    for key, one in after.objects.items():
        if before.objects.get(key) != one:
            store.apply(served(one))
    for kind, space, name in before.objects.keys() - after.objects.keys():
        store.delete(kind, name, space)


class Rounds:
    """Runs rounds of a running cluster until something holds."""

    def __init__(self, scenes: Scenes, folder: Path, clock: Clock) -> None:
        self.heard, self.clock = Heard(), clock
        self.store = IncidentStore(folder)
        self._watcher = Watcher(scenes, self.store, self.heard, watch=EVERY)
        self.last: Round | None = None

    async def once(self) -> Round:
        """Run a round and move the clock."""
        self.last = await self._watcher.round()
        self.clock.now += timedelta(seconds=30)
        return self.last

    async def until(self, holds: Callable[[], bool]) -> None:
        """Run rounds, as fast as the changes come."""
        with anyio.fail_after(PATIENCE):
            while not holds():
                await self.once()
                await anyio.sleep(0.02)


@asynccontextmanager
async def followed(installation: Installation, settings: Settings) -> AsyncIterator[Rounds]:
    clock = Clock()
    async with Followed(installation, settings, clock) as watched:
        yield Rounds(watched, Path(settings.state_dir), clock)


def test_what_changes_opens_an_incident_and_its_repair_closes_it(
    installation: Installation, store: Store, url: str, tmp_path: Path
) -> None:
    healthy, faulty = broken()

    async def scenario() -> Rounds:
        async with followed(installation, settings_of(tmp_path, url)) as rounds:
            for _ in range(3):
                await rounds.once()
            assert rounds.heard.events == []
            change(store, healthy, faulty)
            await rounds.until(lambda: bool(rounds.heard.events))
            assert [(one.cause, one.component) for one in rounds.store.open()] == [CAUSE]
            change(store, faulty, healthy)
            await rounds.until(lambda: rounds.heard.events[-1] == "closed")
            return rounds

    rounds = anyio.run(scenario)

    assert rounds.heard.events[0] == "open"
    assert rounds.store.open() == ()


def test_rounds_list_nothing_and_read_logs_only_where_no_metrics_count_requests(
    installation: Installation, store: Store, tmp_path: Path
) -> None:
    asked: list[str] = []

    async def scenario(url: str) -> list[tuple[list[str], Round]]:
        found = []
        async with followed(installation, settings_of(tmp_path, url)) as rounds:
            for _ in range(3):
                asked.clear()
                done = await rounds.once()
                found.append(([path for path in asked if "watch=" not in path], done))
        return found

    with serving(store, on_answer=lambda _, path, __: asked.append(path)) as url:
        (first, _), (second, done), _ = anyio.run(scenario, url)

    assert not any("/log" in path for path in first)
    assert {path.partition("?")[0].rpartition("/")[2] for path in second} == {"version", "log"}
    assert done.requests == len(second)


def counter(name: str, code: str, values: Sequence[float]) -> str:
    end = NOON.timestamp()
    labels = f'namespace="shop",deployment="web",handler="/cart",code="{code}"'
    begin = end - 15 * (len(values) - 1)
    return "".join(f"{name}{{{labels}}} {value} {begin + 15 * step}\n" for step, value in enumerate(values))


def test_requests_that_fail_in_prometheus_open_an_incident_without_a_look_at_logs(
    installation: Installation, store: Store, tmp_path: Path
) -> None:
    asked: list[str] = []
    name = "http_requests_total"
    good, bad = [100.0 * step for step in range(41)], [40.0 * max(step - 30, 0) for step in range(41)]
    text = f"# TYPE http_requests counter\n{counter(name, '200', good)}{counter(name, '503', bad)}# EOF\n"

    async def scenario(settings: Settings) -> Rounds:
        clock = Clock()
        async with Followed(installation, settings, clock) as watched:
            rounds = Rounds(watched, Path(settings.state_dir), clock)
            for _ in range(3):
                await rounds.once()
                assert not any("/log" in path for path in asked) or rounds.heard.events
            return rounds

    with prometheus(tmp_path, text) as metrics, serving(store, on_answer=lambda _, path, __: asked.append(path)) as url:
        settings = msgspec.structs.replace(settings_of(tmp_path, url), prometheus=Endpoint(url=metrics))
        rounds = anyio.run(scenario, settings)

    (incident,) = rounds.store.open()
    assert incident.description == "web has errors (/cart 5xx)"


def test_a_cluster_that_does_not_answer_fails_the_round_and_is_tried_again(
    installation: Installation, store: Store, tmp_path: Path
) -> None:
    async def scenario() -> list[str]:
        with serving(store) as url:
            settings = settings_of(tmp_path, url)
        port = int(url.rpartition(":")[2])
        async with followed(installation, settings) as rounds:
            with pytest.raises(SreError):
                await rounds.once()
            with serving(store, port=port):
                await rounds.once()
            with pytest.raises(SreError):
                await rounds.once()
        return rounds.heard.events

    assert anyio.run(scenario) == []


def test_of_many_changes_between_and_during_rounds_none_is_lost(
    installation: Installation, store: Store, url: str, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, url)
    sent = 900

    def send() -> None:
        for number in range(sent):
            made = thing("ConfigMap", f"config-{number % 50}", data={"number": str(number)})
            store.apply(served(made))

    async def scenario() -> tuple[int, set[str]]:
        async with followed(installation, settings) as rounds:
            await rounds.once()
            seen = 0
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(to_thread.run_sync, send)
                with anyio.fail_after(PATIENCE):
                    while seen < sent:
                        seen += (await rounds.once()).changes
        with closing(TwinStore(twin_path(settings), read_only=True)) as twin:
            return seen, {one.id for one in twin.components("configmap")}

    seen, kept = anyio.run(scenario)

    assert seen == sent
    assert kept >= {f"configmap/shop/config-{number}" for number in range(50)}


def test_a_twin_is_kept_by_one_process_only(installation: Installation, url: str, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, url)

    async def scenario() -> None:
        async with followed(installation, settings) as first, followed(installation, settings) as second:
            await first.once()
            with pytest.raises(InputError, match="another process keeps this twin"):
                await second.once()

    anyio.run(scenario)


def test_a_slow_first_listing_fails_rounds_and_goes_on(
    installation: Installation, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> int:
        async with followed(installation, settings_of(tmp_path, url)) as rounds:
            with pytest.raises(InputError, match="the listing goes on"):
                await rounds.once()
            with anyio.fail_after(PATIENCE):
                while rounds.last is None:
                    with suppress(InputError):
                        await rounds.once()
            return rounds.last.facts

    monkeypatch.setattr(scenes, "FIRST_LIST_SECONDS", 0.01)

    assert anyio.run(scenario) > 0


def test_changes_that_end_are_followed_again(
    installation: Installation, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stops: list[threading.Event] = []
    follow = Cluster.follow

    def noted(cluster: Cluster, kinds: Any, since: Any, stop: threading.Event) -> Any:
        stops.append(stop)
        return follow(cluster, kinds, since, stop)

    monkeypatch.setattr(Cluster, "follow", noted)

    async def scenario() -> None:
        async with followed(installation, settings_of(tmp_path, url)) as rounds:
            await rounds.once()
            stops[0].set()
            with pytest.raises(InputError, match="follows them again"):
                await rounds.once()
            await rounds.once()

    anyio.run(scenario)

    assert len(stops) == 2


def test_a_batch_that_cannot_be_written_fails_no_round(
    installation: Installation, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply, tried = TwinStore.apply, []

    def once_full(twin: TwinStore, delta: Delta, at: datetime) -> datetime:
        tried.append(at)
        if len(tried) == 1:
            raise InputError("the disk is full")
        return apply(twin, delta, at)

    monkeypatch.setattr(TwinStore, "apply", once_full)

    async def scenario() -> Round:
        async with followed(installation, settings_of(tmp_path, url)) as rounds:
            return await rounds.once()

    assert anyio.run(scenario).facts > 0
    assert len(tried) > 1


class Vendor:
    """A plugin with a source that knows a component outside the cluster, and not all."""

    name = "vendor"

    @hookimpl
    def register_sources(self) -> Sequence[Source]:
        """Add it."""
        return [self]

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield the component, and fail."""
        yield Component(id="external/pay")
        yield Edge(source="deployment/shop/cart", kind="depends_on", target="external/pay")
        raise RuntimeError("the vendor is silent")


def test_what_the_source_of_a_plugin_knows_is_in_the_twin_that_rounds_look_at(url: str, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, url)
    installation = Installation(settings)
    installation.plugins.manager.register(Vendor(), "vendor")

    async def scenario() -> tuple[tuple[str, ...], list[Gap]]:
        async with Followed(installation, settings) as watched, watched.look() as scene:
            return scene.parts.twin.impact("external/pay"), [one for one in scene.parts.gaps if one.agent == "vendor"]

    impact, gaps = anyio.run(scenario)

    assert "deployment/shop/cart" in impact
    assert [one.why for one in gaps] == ["RuntimeError: the vendor is silent"]


def test_logs_that_are_left_alone_are_missing() -> None:
    async def ask() -> list[object]:
        assert list(NoLogs().lines(LogStream(namespace="shop", pod="web-1", container="web"))) == []
        with pytest.raises(SourceMissing, match="access logs of shop"):
            await NoLogs().streams("shop")
        return [one async for one in NoLogs().sync()]

    assert anyio.run(ask) == []


def test_a_single_look_lists_the_cluster(installation: Installation, store: Store, url: str, tmp_path: Path) -> None:
    change(store, *broken())
    listed = Listed(installation, settings_of(tmp_path, url))
    heard = Heard()
    now = msgspec.structs.replace(EVERY, open_after=1, settle_seconds=0.0)
    incidents = IncidentStore(tmp_path / "state")

    done = anyio.run(Watcher(listed, incidents, heard, watch=now).round)

    assert heard.events == ["open"]
    assert incidents.open()[0].component == CAUSE[1]
    assert 0 < done.requests < 200
