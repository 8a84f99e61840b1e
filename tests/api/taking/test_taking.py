"""Recording a running cluster: what is diagnosed from the recording is what is diagnosed from the cluster."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from demo import FOLDER
from recorded import Recordings

from sre_orchestrator.api import wiring
from sre_orchestrator.api.live import attached
from sre_orchestrator.api.taking import Wanted, take
from sre_orchestrator.api.taking.logs import LogLimits
from sre_orchestrator.api.wire import Store, serving, write_kubeconfig
from sre_orchestrator.api.wire.logs import LogKey, WrittenLog
from sre_orchestrator.api.wire.store import Ask
from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.hookspecs import Source, hookimpl
from sre_orchestrator.core.models import Gap, Report
from sre_orchestrator.core.settings import ClusterAccess, Settings, SnapshotLimits
from sre_orchestrator.plugins.objects.config import ConfigMap, Secret
from sre_orchestrator.plugins.objects.network import HTTPRoute
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.sources.ports import Alert, Probes, Series
from sre_orchestrator.plugins.sources.snapshot import open_snapshot
from sre_orchestrator.plugins.sources.snapshot.recording import Terms, WriteError, open_recording

AGENTS = tuple(one for one in wiring.BUILTIN if one.startswith(wiring.AGENTS))
NOW = datetime(2026, 3, 12, 14, 20, tzinfo=UTC)


class Heard:
    """Notes what a recording tells of its progress."""

    def __init__(self) -> None:
        self.expected = 0
        self.names: list[str] = []

    def expect(self, parts: int) -> None:  # noqa: D102
        self.expected += parts

    def done(self, what: str) -> None:  # noqa: D102
        self.names.append(what)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("state"))


@pytest.fixture(autouse=True)
def agents_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the sources of services, of which these clusters have none; ``Recordings`` stand in."""
    monkeypatch.setattr(wiring, "BUILTIN", AGENTS)


@pytest.fixture
def record(state: str, tmp_path: Path) -> Any:
    """Return ``record(url, wanted)``: what ``snapshot take`` does, into ``tmp_path / "taken"``."""

    def run(url: str, wanted: Wanted = Wanted(), *plugins: object) -> tuple[Path, tuple[Gap, ...], Heard]:  # noqa: B008
        config = write_kubeconfig(tmp_path / "kubeconfig", url, namespace="")
        settings = Settings(state_dir=state, cluster=ClusterAccess(kubeconfig=str(config), page_size=3))
        installation, heard = Installation(settings), Heard()
        for plugin in plugins:
            installation.plugins.manager.register(plugin)
        with attached(installation, settings) as (cluster, sources):
            # the port of the server is another each time
            recording = open_recording(tmp_path / "taken", Terms(server="test", namespaces=wanted.namespaces), NOW)
            gaps = take(cluster, sources, recording, wanted, heard)
        return tmp_path / "taken", gaps, heard

    return run


@contextmanager
def reading(path: Path) -> Iterator[Any]:
    with open_snapshot(path, SnapshotLimits()) as snapshot:
        yield snapshot


def named(kind: str, name: str, namespace: str = "shop", **parts: Any) -> dict[str, Any]:
    place = {"namespace": namespace} if namespace else {}
    version = {"HTTPRoute": "gateway.networking.k8s.io/v1"}.get(kind, "v1")
    return {
        "kind": kind,
        "apiVersion": version,
        "metadata": {"name": name, **place, **parts.pop("metadata", {})},
        **parts,
    }


def running(name: str, namespace: str = "shop", container: str = "web") -> dict[str, Any]:
    status = {"name": container, "ready": True, "state": {"running": {"startedAt": "2026-03-12T14:00:00Z"}}}
    return named(
        "Pod",
        name,
        namespace,
        spec={"containers": [{"name": container}]},
        status={"phase": "Running", "containerStatuses": [status]},
    )


def written(folder: Path) -> str:
    return "\n".join(path.read_text(errors="replace") for path in sorted(folder.rglob("*")) if path.is_file())


def comparable(report: Report) -> dict[str, Any]:
    return {**msgspec.to_builtins(report), "cost": None, "gaps": None}


def missing(report: Report) -> set[str]:
    return {re.sub(r" in namespace \S+$", "", gap.what) for gap in report.gaps}


@pytest.fixture
def incident(tmp_path: Path) -> Path:
    """Return the demo incident without what no running cluster tells: system units and declared calls."""
    left_out = shutil.ignore_patterns("host-collectors", "topology")
    return shutil.copytree(FOLDER, tmp_path / "incident", ignore=left_out)


def test_the_recording_gives_the_report_of_what_was_recorded(record: Any, state: str, incident: Path) -> None:
    installation = Installation(Settings(state_dir=state))
    with open_snapshot(incident, SnapshotLimits()) as demo, serving(demo) as url:
        taken, _, heard = record(url, Wanted(question=demo.info.question), Recordings(demo))
        before = anyio.run(lambda: diagnose_snapshot(installation, incident, namespace="shop"))
    at = before.report.incident.at

    after = anyio.run(lambda: diagnose_snapshot(installation, taken, namespace="shop", at=at))

    assert comparable(after.report) == comparable(before.report)
    assert missing(after.report) == missing(before.report)
    assert heard.expected == len(heard.names) > 40


def test_a_whole_cluster_is_complete_everywhere(record: Any) -> None:
    store = Store()
    for number in range(7):
        store.apply(running(f"web-{number}", f"team-{number % 2}"))

    with serving(store) as url:
        taken, gaps, _ = record(url)

    assert gaps == ()
    with reading(taken) as snapshot:
        pods = anyio.run(snapshot.list, Pod)
        assert len(pods.items) == 7
        assert pods.complete_in == {"*", "team-0", "team-1"}
        assert anyio.run(snapshot.list, HTTPRoute).complete_in == {"*"}
        assert snapshot.info.captured_at == NOW


def test_only_the_wanted_namespaces_are_recorded(record: Any) -> None:
    store = Store()
    store.apply(running("web-1"))
    store.apply(running("other-1", "billing"))
    store.apply(named("Event", "node-event", "default", involvedObject={"kind": "Node", "name": "a"}))
    store.apply(named("Node", "a", ""))

    with serving(store) as url:
        taken, _, _ = record(url, Wanted(namespaces=("shop",)))

    with reading(taken) as snapshot:
        assert anyio.run(snapshot.list, Pod).complete_in == {"shop"}
        assert snapshot.info.namespaces == ("shop",)
    assert "node-event" in written(taken)
    assert "billing" not in written(taken)


def test_no_secret_is_written(record: Any) -> None:
    store = Store()
    store.apply(named("Secret", "db", data={"password": "aHVudGVyMg=="}, stringData={"token": "hunter2"}))
    release = {"owner": "helm", "name": "web", "version": "1", "status": "deployed"}
    store.apply(
        named(
            "Secret",
            "sh.helm.release.v1.web.v1",
            type="helm.sh/release.v1",
            metadata={"labels": release},
            data={"release": "hunter2"},
        )
    )
    store.apply(named("ConfigMap", "app", data={"app.yaml": "db:\n  password: hunter2\n  host: db\n"}))
    pod = running("web-1")
    pod["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "hunter2"}
    pod["spec"]["containers"][0]["env"] = [{"name": "DB_PASSWORD", "value": "hunter2"}]
    store.apply(pod)
    store.logs[LogKey(namespace="shop", pod="web-1", container="web")] = WrittenLog(b"login with password=hunter2\n")

    with serving(store) as url:
        taken, _, _ = record(url)

    assert "hunter2" not in written(taken)
    assert "aHVudGVyMg" not in written(taken)
    with reading(taken) as snapshot:
        secrets = {one.metadata.name: one for one in anyio.run(snapshot.list, Secret).items}
        assert secrets["db"].keys == {"password", "token"}
        assert secrets["sh.helm.release.v1.web.v1"].metadata.labels == release
        [settings] = anyio.run(snapshot.list, ConfigMap).items
        assert settings.data["app.yaml"] == "db:\n  password: '***'\n  host: db\n"


def test_what_is_forbidden_is_a_gap_of_the_snapshot(record: Any) -> None:
    store = Store()
    store.apply(running("web-1"))

    def allows(ask: Ask) -> bool:
        return ask.resource.plural not in ("secrets", "nodes")

    store.allows = allows
    with serving(store) as url:
        taken, gaps, _ = record(url)

    assert {gap.what for gap in gaps} == {"all secrets", "all nodes"}
    with reading(taken) as snapshot:
        listing = anyio.run(snapshot.list, Secret)
        assert listing.complete_in == frozenset()
        assert [gap.why for gap in listing.gaps] == ["listing them is forbidden (403)"]
        assert 'resources: ["secrets"]' in listing.gaps[0].remedy


def test_custom_resources_are_recorded_with_their_definitions_without_schemas(record: Any) -> None:
    store = Store()
    version = {"name": "v1", "served": True, "schema": {"openAPIV3Schema": {"description": "long"}}}
    names = {"kind": "Certificate", "plural": "certificates"}
    spec = {"group": "cert-manager.io", "names": names, "scope": "Namespaced", "versions": [version]}
    definition = named("CustomResourceDefinition", "certificates.cert-manager.io", "", spec=spec)
    store.apply(definition | {"apiVersion": "apiextensions.k8s.io/v1"})
    store.apply(named("Certificate", "tls", spec={"secretName": "tls"}) | {"apiVersion": "cert-manager.io/v1"})

    with serving(store) as url:
        taken, _, _ = record(url)

    recorded = (taken / "cluster-resources/custom-resources/certificates.cert-manager.io/shop.json").read_text()
    assert '"secretName":"tls"' in recorded
    assert "openAPIV3Schema" not in written(taken)


def test_the_end_of_a_long_log_is_recorded(record: Any) -> None:
    store = Store()
    store.apply(running("web-1"))
    lines = b"".join(b"line %06d\n" % number for number in range(10_000))
    store.logs[LogKey(namespace="shop", pod="web-1", container="web")] = WrittenLog(lines)

    with serving(store) as url:
        taken, _, _ = record(url, Wanted(logs=LogLimits(each_bytes=1200)))

    log = (taken / "cluster-resources/pods/logs/shop/web-1/web.log").read_bytes()
    assert 400 < len(log) <= 1200
    assert log.endswith(b"line 009999\n")


def test_logs_stop_when_all_of_them_are_too_large_and_say_so(record: Any) -> None:
    store = Store()
    for number in range(20):
        store.apply(running(f"web-{number}"))
        key = LogKey(namespace="shop", pod=f"web-{number}", container="web")
        store.logs[key] = WrittenLog(b"x" * 999 + b"\n")

    with serving(store) as url:
        taken, gaps, _ = record(url, Wanted(logs=LogLimits(all_bytes=3000)))

    count = len(list(taken.rglob("*.log")))
    assert 3 <= count < 20
    [gap] = gaps
    assert gap.what == f"{20 - count} logs in namespace shop"


def test_names_that_lead_out_of_the_folder_are_left_out(record: Any, tmp_path: Path) -> None:
    store = Store()
    store.apply(running("web-1", "../../outside"))
    store.apply(running("..", "shop"))
    store.apply(running("web-2", "shop", "../../../../escaped"))
    store.apply(running("web-3", "shop"))
    for pod, container in (("..", "web"), ("web-2", "../../../../escaped"), ("web-3", "web")):
        store.logs[LogKey(namespace="shop", pod=pod, container=container)] = WrittenLog(b"here\n")

    with serving(store) as url:
        taken, gaps, _ = record(url)

    outside = [path for path in tmp_path.rglob("*") if path.is_file() and taken not in path.parents]
    assert [path.name for path in outside] == ["kubeconfig"]
    assert [path.parent.name for path in taken.rglob("*.log")] == ["web-3"]
    assert [gap.what for gap in gaps] == ["all pods"]


def test_bytes_of_a_log_that_are_no_text_are_kept(record: Any) -> None:
    store = Store()
    store.apply(running("web-1"))
    store.logs[LogKey(namespace="shop", pod="web-1", container="web")] = WrittenLog(b"caf\xe9 \xff\nnext\n")

    with serving(store) as url:
        taken, _, _ = record(url)

    assert (taken / "cluster-resources/pods/logs/shop/web-1/web.log").read_bytes() == b"caf\xe9 \xff\nnext\n"


def test_an_interrupted_recording_goes_on_where_it_stopped(
    record: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store, asked = Store(), []
    store.apply(running("web-1"))
    store.logs[LogKey(namespace="shop", pod="web-1", container="web")] = WrittenLog(b"here\n")
    write_bytes = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if data == b"here\n":
            raise OSError(28, "No space left on device", str(path))
        return write_bytes(path, data)

    with serving(store, on_answer=lambda _, path, __: asked.append(path)) as url:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_bytes", full)
            with pytest.raises(WriteError, match=r"No space left on device; make room.*goes on where"):
                record(url)
        assert not (tmp_path / "taken" / "snapshot.yaml").exists()
        asked.clear()
        taken, gaps, _ = record(url)

    assert gaps == ()
    lists = [path for path in asked if "limit=" in path]
    assert lists == []
    assert any("/log?" in path for path in asked)
    assert sorted(path.name for path in taken.iterdir()) == ["cluster-info", "cluster-resources", "snapshot.yaml"]


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_what_was_refused_is_asked_for_again(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    store.apply(running("web-1"))
    store.allows = lambda ask: ask.resource.plural != "nodes"
    with serving(store) as url:
        with monkeypatch.context() as patch:
            patch.setattr("sre_orchestrator.api.taking.streams_in", interrupt)
            with pytest.raises(KeyboardInterrupt):
                record(url)
        store.allows = lambda _: True
        _, gaps, _ = record(url)

    assert gaps == ()


def test_a_list_that_expires_while_it_is_read_is_read_again(record: Any) -> None:
    store = Store()
    for number in range(9):
        store.apply(named("ConfigMap", f"settings-{number}"))
    expired = []

    def expire(_: str, path: str, __: int) -> None:
        if "/configmaps?" in path and "continue=" in path and not expired:
            expired.append(path)
            store.apply(named("ConfigMap", "settings-new"))
            store.expire()

    with serving(store, on_answer=expire) as url:
        taken, gaps, _ = record(url)

    assert expired
    assert gaps == ()
    with reading(taken) as snapshot:
        listing = anyio.run(snapshot.list, ConfigMap)
        assert len(listing.items) == 10
        assert "*" in listing.complete_in


class Missing:
    """A plugin whose service does not answer."""

    @hookimpl
    def register_sources(self, settings: Settings, cluster: Source) -> Sequence[Source]:  # noqa: D102
        del settings, cluster
        return [Unanswered()]


class Unanswered:
    """Metrics, alerts and connections of services that do not answer."""

    name = "unanswered"

    async def sync(self) -> AsyncIterator[Gap]:  # noqa: D102
        for _ in ():
            yield Gap(agent="", what="", why="", remedy="")

    async def series(self, since: datetime, until: datetime, namespaces: Sequence[str] = ()) -> Sequence[Series]:  # noqa: D102
        raise SourceMissing(f"prometheus does not answer about {len(namespaces)} namespaces from {since} to {until}")

    async def alerts(self) -> Sequence[Alert]:  # noqa: D102
        raise SourceMissing("alertmanager does not answer")

    async def probes(self, namespaces: Sequence[str]) -> Probes:  # noqa: D102
        raise SourceMissing(f"no connections are made to {namespaces}")

    def gaps(self) -> Sequence[Gap]:  # noqa: D102
        return [Gap(agent="unanswered", what="half of the series", why="a store is down", remedy="")]


def test_services_that_do_not_answer_are_gaps_of_the_snapshot(record: Any) -> None:
    with serving(Store()) as url:
        taken, gaps, _ = record(url, Wanted(namespaces=("shop",)), Missing())

    assert {gap.what for gap in gaps} == {"metrics", "alerts", "connections", "half of the series"}
    with reading(taken) as snapshot:
        assert not snapshot.info.coverage.metrics


def test_logs_that_may_not_be_read_are_a_gap_and_those_that_do_not_exist_are_none(record: Any) -> None:
    store = Store()
    for namespace in ("shop", "billing"):
        store.apply(running("web-1", namespace))
    # reading a log is a get, recording lists takes none
    store.allows = lambda ask: ask.verb != "get" or ask.namespace != "billing"

    with serving(store) as url:
        _, gaps, _ = record(url)

    assert [(gap.what, gap.why) for gap in gaps] == [
        ("all logs in namespace billing", "reading them is forbidden (403)")
    ]


def test_a_list_that_expires_again_and_again_is_a_gap(record: Any) -> None:
    store = Store()
    for number in range(9):
        store.apply(named("ConfigMap", f"settings-{number}"))

    def expire(_: str, path: str, __: int) -> None:
        if "/configmaps?" in path and "continue=" in path:
            store.apply(named("ConfigMap", "settings-new"))
            store.expire()

    with serving(store, on_answer=expire) as url:
        taken, gaps, _ = record(url)

    assert [gap.why for gap in gaps] == ["the list expired 3 times while it was read"]
    assert not (taken / "cluster-resources/configmaps").exists()


def test_a_definition_with_a_name_that_leads_elsewhere_is_not_followed(record: Any, tmp_path: Path) -> None:
    store = Store()
    names = {"kind": "Widget", "plural": "../../../widgets"}
    spec = {"group": "example.org", "names": names, "scope": "Cluster", "versions": [{"name": "v1"}]}
    definition = named("CustomResourceDefinition", "widgets.example.org", "", spec=spec)
    store.apply(definition | {"apiVersion": "apiextensions.k8s.io/v1"})

    with serving(store) as url:
        taken, _, _ = record(url)

    assert list(tmp_path.rglob("*widgets*")) == []
    assert "../../../widgets" in written(taken)


def test_a_recording_that_is_gone_on_with_counts_the_logs_it_has(record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    for number in range(4):
        store.apply(running(f"web-{number}"))
        key = LogKey(namespace="shop", pod=f"web-{number}", container="web")
        store.logs[key] = WrittenLog(b"x" * 999 + b"\n")
    wanted = Wanted(logs=LogLimits(all_bytes=4000))
    with serving(store) as url:
        with monkeypatch.context() as patch:
            patch.setattr("sre_orchestrator.api.taking.record_metrics", interrupt)
            with pytest.raises(KeyboardInterrupt):
                record(url, wanted)
        store.apply(running("web-4"))
        _, gaps, _ = record(url, wanted)

    assert gaps == ()
