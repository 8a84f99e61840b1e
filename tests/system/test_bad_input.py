"""Whatever comes in, the answer is a clear error or a gap: never a traceback, never silence."""

from __future__ import annotations

import sys
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import pytest
from clusters import Cluster, shop
from faults import FAULTS
from shop import event, pod, thing

from sre_orchestrator.api import wiring
from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.hookspecs import hookimpl
from sre_orchestrator.core.models import Fact, Gap, Report
from sre_orchestrator.core.settings import Settings


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(Settings(state_dir=str(tmp_path_factory.mktemp("state"))))


@pytest.fixture
def cluster() -> Cluster:
    """A shop with a fault that is found whatever else is wrong."""
    broken = shop()
    FAULTS["selector"](broken)
    return broken


def report_of(installation: Installation, path: Path, **more: Any) -> Report:
    async def run() -> Report:
        return (await diagnose_snapshot(installation, path, **more)).report

    return anyio.run(run)


def first(report: Report) -> tuple[str, str]:
    return report.hypotheses[0].cause, report.hypotheses[0].component


def fault() -> tuple[str, str]:
    return FAULTS["selector"](shop())


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("secrets", b'{"items": [', "is not a SecretList"),
        ("configmaps", b'{"kind": "PodList", "items": []}', "holds a PodList, not a ConfigMapList"),
        ("serviceaccounts", b"", "is empty (0 bytes)"),
        ("events", b"\xff\xfe\x00", "is not a EventList"),
        ("ingress", b"[" * 50_000, "is nested too deeply"),
    ],
)
def test_a_bad_file_is_named_and_the_rest_is_diagnosed(
    installation: Installation, cluster: Cluster, tmp_path: Path, name: str, content: bytes, why: str
) -> None:
    path = cluster.write(tmp_path)
    file = path / "cluster-resources" / name / "shop.json"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)

    report = report_of(installation, path)

    assert first(report) == fault()
    assert why in "; ".join(
        gap.why for gap in report.gaps if gap.what.startswith(f"cluster-resources/{name}/shop.json")
    )


def test_a_namespace_that_does_not_exist_is_an_error(
    installation: Installation, cluster: Cluster, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"namespace 'shpo' does not exist; did you mean 'shop'\?"):
        report_of(installation, cluster.write(tmp_path), namespace="shpo")


@pytest.mark.timeout(60)
def test_a_log_line_of_ten_megabytes_is_no_obstacle(
    installation: Installation, cluster: Cluster, tmp_path: Path
) -> None:
    name = cluster.pods_of("web")[0]
    cluster.logs[f"shop/{name}/web"] = "password=" * 600_000 + "a." * 2_500_000 + "\n2030-05-01T11:59:00Z ERROR done\n"

    assert first(report_of(installation, cluster.write(tmp_path))) == fault()


def test_logs_that_are_no_text_are_no_obstacle(installation: Installation, cluster: Cluster, tmp_path: Path) -> None:
    path = cluster.write(tmp_path)
    log = next((path / "cluster-resources" / "pods" / "logs").rglob("*.log"))
    log.write_bytes(bytes(range(256)) * 400)

    assert first(report_of(installation, path)) == fault()


RULE = """id: {name}
title: A rule
status: stable
why: A test.
when: {{all: {{a: {{kind: {reads}}}}}, none: [{{kind: {lacks}}}]}}
then: {{derive: {{kind: {makes}, component: "{{a.component}}"}}}}
tests:
  - {{name: fires, facts: [{{kind: {reads}, component: pod/shop/a}}], coverage: [{lacks}], expect: [], derives: [{makes}]}}
  - {{name: silent, facts: [], expect: []}}
"""
BOMB = "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))


@pytest.mark.timeout(60)
def test_rules_that_cannot_be_are_gaps(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules, kinds = tmp_path / "rules", tmp_path / "kinds"
    rules.mkdir()
    kinds.mkdir()
    kinds.joinpath("x.yaml").write_text(
        "test.one: {about: x, component: pod, derived: true}\ntest.two: {about: x, component: pod, derived: true}\n"
    )
    rules.joinpath("laughs.yaml").write_text(f"a: &a [ha, ha]\n{BOMB}")
    rules.joinpath("one.yaml").write_text(
        RULE.format(name="one", reads="pod.phase", lacks="test.two", makes="test.one")
    )
    rules.joinpath("two.yaml").write_text(
        RULE.format(name="two", reads="pod.phase", lacks="test.one", makes="test.two")
    )
    plugin(monkeypatch, register_vocabulary=lambda: [kinds])
    settings = Settings(state_dir=str(tmp_path / "state"), rule_folders=(str(rules), str(tmp_path / "gone")))

    report = report_of(Installation(settings), cluster.write(tmp_path / "snapshot"))

    assert first(report) == fault()
    refused = [gap.why for gap in report.gaps if gap.what == "a rule file was refused"]
    assert [why for why in refused if "laughs.yaml" in why and "after expanding aliases" in why]
    assert [why for why in refused if "two.yaml" in why and "own negation or count" in why]
    assert [why for why in refused if "gone: cannot be read" in why]


def plugin(monkeypatch: pytest.MonkeyPatch, **hooks: Any) -> None:
    """Install a plugin ``theirs``."""
    module = ModuleType("theirs")
    for name, hook in hooks.items():
        setattr(module, name, hookimpl(hook))
    monkeypatch.setitem(sys.modules, "theirs", module)
    monkeypatch.setattr(wiring, "BUILTIN", (*wiring.BUILTIN, "theirs"))


class Agent:
    """An agent of a third party that does what it is told."""

    name = "theirs"
    description = "does what it is told"
    kinds = frozenset({"pod.phase"})

    def __init__(self, act: Any) -> None:
        self.act = act

    async def gather(self, *_: object) -> AsyncIterator[Any]:
        """Act."""
        yield self.act()


@pytest.fixture
def stuck() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        ("raises", "ValueError: no"),
        ("hangs", "no answer within 3 s"),
        ("garbage", "yielded a dict, not a Fact, Coverage or Gap"),
        ("wrong", "observed_at must be a time with a zone"),
    ],
)
def test_an_agent_that_misbehaves_is_a_gap(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stuck: threading.Event, trouble: str, why: str
) -> None:
    def raises() -> Any:
        raise ValueError("no")

    acts = {
        "raises": raises,
        "hangs": lambda: stuck.wait(60),
        "garbage": lambda: {"finding": "the shop is down"},
        "wrong": lambda: Fact(id="f1", kind="pod.phase", component="x", agent="theirs", observed_at="now"),  # type: ignore[arg-type]
    }
    plugin(monkeypatch, register_agents=lambda: [Agent(acts[trouble])])
    installation = Installation(Settings(state_dir=str(tmp_path / "state"), agent_timeout_seconds=3.0))

    report = report_of(installation, cluster.write(tmp_path / "snapshot"))

    assert first(report) == fault()
    assert why in "; ".join(gap.why for gap in report.gaps if gap.agent == "theirs")


@pytest.mark.parametrize("year", ["2031", "9999", "0001"])
def test_a_clock_that_is_wrong_is_no_obstacle(
    installation: Installation, cluster: Cluster, tmp_path: Path, year: str
) -> None:
    at = f"{year}-12-31T23:59:59Z"
    cluster.add(
        event("Unhealthy", "Readiness probe failed", about=("Pod", cluster.pods_of("web")[0]), first=at, last=at)
    )
    cluster.add(pod("late", metadata={"creationTimestamp": at}))

    assert first(report_of(installation, cluster.write(tmp_path))) == fault()


@pytest.mark.parametrize("at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_an_incident_at_the_end_of_time_is_answered(
    installation: Installation, cluster: Cluster, tmp_path: Path, at: datetime
) -> None:
    assert report_of(installation, cluster.write(tmp_path), at=at).incident.at == at


def test_one_name_in_two_namespaces_is_two_components(
    installation: Installation, cluster: Cluster, tmp_path: Path
) -> None:
    cluster.add(thing("Namespace", "bank", namespace=""))
    cluster.app("cart", 7070, namespace="bank")
    cluster.app("teller", 9000, namespace="bank", env={"CART_ADDR": "cart:7070"})

    report = report_of(installation, cluster.write(tmp_path), namespace="bank,shop")

    assert first(report) == fault()
    assert not [one.component for one in report.hypotheses if "/bank/" in one.component]


def test_names_in_any_script_are_no_obstacle(installation: Installation, cluster: Cluster, tmp_path: Path) -> None:
    cluster.app("größe-日本", 7070, log="2030-05-01T11:59:00Z ERROR größe 🧀 \u202e\x00 done\n")
    cluster.edit("Deployment", "größe-日本", metadata={"annotations": {"käse": "🧀"}})

    report = report_of(installation, cluster.write(tmp_path), question="ist größe-日本 nicht erreichbar? 🧀")

    assert first(report) == fault()


@pytest.mark.timeout(120)
def test_fifty_thousand_events_are_no_obstacle(installation: Installation, cluster: Cluster, tmp_path: Path) -> None:
    name = cluster.pods_of("web")[0]
    for number in range(50_000):
        one = event(
            "Pulled", f"Container image {number} already present on machine", about=("Pod", name), type="Normal"
        )
        one["metadata"]["name"] = f"{name}.{number}"
        cluster.add(one)

    assert first(report_of(installation, cluster.write(tmp_path))) == fault()


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path / "gone", "does not exist"),
        (lambda path: path, "is no snapshot"),
        (lambda path: _written(path / "s.tar.gz", b"no archive"), "the archive is damaged"),
        (lambda path: _written(path / "notes.txt", b"x"), "is no snapshot"),
    ],
)
def test_what_is_no_snapshot_is_an_error(installation: Installation, tmp_path: Path, make: Any, why: str) -> None:
    with pytest.raises(InputError, match=why):
        report_of(installation, make(tmp_path), question="why")


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_an_empty_snapshot_is_all_gaps(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "snapshot.yaml").write_text("question: why is the shop down\n")

    report = report_of(installation, tmp_path)

    assert report.verdict == "unresolved"
    assert (
        Gap(agent="snapshot", what="all pods", why="the snapshot holds none", remedy="record cluster-resources/pods")
        in report.gaps
    )


def test_a_question_that_is_no_utf8_is_answered(installation: Installation, cluster: Cluster, tmp_path: Path) -> None:
    report = report_of(installation, cluster.write(tmp_path), question="web is down \udcff")

    assert report.incident.description == "web is down ?"
