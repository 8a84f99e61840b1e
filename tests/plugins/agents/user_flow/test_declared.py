"""User flows that owners declare, in settings and by annotation, and how their facts name them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest
from looking import NOON, Seen
from shop import deployment, patch, pod, service, thing, workload, write_snapshot

from sre_orchestrator.api.scenes import NoLogs
from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.hookspecs import Source, Sources
from sre_orchestrator.core.models import Component, Edge, Gap, Incident, Scope
from sre_orchestrator.core.settings import Objective, SnapshotLimits, UserFlow
from sre_orchestrator.plugins.agents.user_flow import UserFlowAgent
from sre_orchestrator.plugins.agents.user_flow.declared import DeclaredFlow, objective_of
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.sources.ports import ClusterObjects, Listing, Series
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

K = TypeVar("K", bound=Object)
SHOP = [
    deployment("web"),
    workload("ReplicaSet", "web-5d", labels={"app": "web"}, owner=("Deployment", "web")),
    pod("web-5d-1", labels={"app": "web"}, owner=("ReplicaSet", "web-5d")),
    service("web"),
    service("orders"),
]
FLOW, OBJECTIVE = "sre-orchestrator.io/user-flow", "sre-orchestrator.io/objective"


def annotated(one: dict[str, Any], name: str = "checkout", objective: str = "") -> dict[str, Any]:
    annotations = {FLOW: name, OBJECTIVE: objective} if objective else {FLOW: name}
    return patch(one, metadata={"annotations": annotations})


def line(path: str, status: int, second: int, seconds: float = 0.01) -> str:
    at = f"01/May/2030:11:{50 + second // 60:02}:{second % 60:02} +0000"
    return f'10.0.0.1 - - [{at}] "GET {path} HTTP/1.1" {status} 19 "-" "-" rt={seconds}'


SCOPE = Scope(
    incident=Incident(id="i", description="the shop is down", at=NOON),
    namespaces=("shop",),
    since=NOON.replace(hour=11),
    until=NOON,
)
FEW_FAIL = [line("/orders", 500 if second in (290, 295, 299) else 200, second) for second in range(300)]
ALL_SLOW = [line("/orders", 200, second, 0.4) for second in range(60)]


class Told(Seen):
    """What the agent yielded, gaps too."""

    gaps: list[Gap]


class Absent:
    """Metrics that nobody can reach."""

    name = "absent"

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield nothing."""
        nothing: tuple[Component, ...] = ()
        for one in nothing:
            yield one

    async def series(self, since: datetime, until: datetime, namespaces: Sequence[str] = ()) -> Sequence[Series]:
        """Refuse."""
        del since, until, namespaces
        raise SourceMissing("Prometheus does not answer; set prometheus.url")


class Objects:
    """A source that knows objects only."""

    name = "objects"

    def __init__(self, whole: ClusterObjects) -> None:
        self._whole = whole

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield nothing."""
        nothing: tuple[Component, ...] = ()
        for one in nothing:
            yield one

    async def list(self, kind: type[K]) -> Listing[K]:
        """Return the objects."""
        return await self._whole.list(kind)

    async def server_version(self) -> str:
        """Return none."""
        return ""


def flows(
    folder: Path,
    lines: list[str],
    *objects: dict[str, Any],
    settings: tuple[UserFlow, ...] = (),
    before: Sequence[Source] = (),
    metrics: str = "",
) -> Told:
    path = write_snapshot(
        folder,
        *(objects or SHOP),
        namespaces=("shop",),
        metrics=metrics,
        logs={"shop/web-5d-1/app": "\n".join(lines) + "\n"},
    )
    agent = UserFlowAgent(settings)

    async def gather() -> list[object]:
        with open_snapshot(path, SnapshotLimits()) as source:
            return [one async for one in agent.gather(SCOPE, Sources([*before, source]))]

    found = anyio.run(gather)
    seen = Told(agent, found)
    seen.gaps = [one for one in found if isinstance(one, Gap)]
    return seen


def declared(**more: Any) -> tuple[UserFlow, ...]:
    return (UserFlow(name="checkout", **{"objective": Objective(availability=0.999, latency_seconds=0.2), **more}),)


def test_without_a_declaration_few_failures_are_no_fact(tmp_path: Path) -> None:
    assert flows(tmp_path, FEW_FAIL).facts == []


@pytest.mark.parametrize(
    "where",
    [
        {"services": ("web",)},
        {"services": ("web",), "namespace": "shop"},
        {"route": "/orders"},
        {"route": "GET /ord*", "namespace": "shop"},
        {"route": "/orders", "host": "shop.example"},
        {"services": ("orders",)},
    ],
)
def test_a_flow_of_the_settings_is_held_to_its_objective(tmp_path: Path, where: dict[str, Any]) -> None:
    seen = flows(tmp_path, FEW_FAIL, settings=declared(**where))

    told = seen.only("flow.errors").attributes
    assert (told["flow"], told["ratio"], told["allowed_ratio"], told["violated"]) == ("checkout", 0.01, 0.001, True)
    assert seen.gaps == []


@pytest.mark.parametrize(
    "where", [{"services": ("billing",)}, {"route": "/cart"}, {"host": "shop.example"}, {"namespace": "shop"}]
)
def test_a_flow_that_nobody_can_see_is_a_gap(tmp_path: Path, where: dict[str, Any]) -> None:
    seen = flows(tmp_path, FEW_FAIL, settings=declared(**where))

    assert seen.facts == []
    assert [gap.what for gap in seen.gaps] == ["the requests of user flow checkout"]


def test_a_flow_of_another_namespace_is_no_gap_here(tmp_path: Path) -> None:
    assert flows(tmp_path, FEW_FAIL, settings=declared(services=("mail",), namespace="post")).gaps == []


def test_a_flow_that_is_always_too_slow_is_told(tmp_path: Path) -> None:
    seen = flows(tmp_path, ALL_SLOW, settings=declared(services=("web",)))

    told = seen.only("flow.slow").attributes
    assert (told["after_seconds"], told["quantile"], told["allowed_seconds"], told["violated"]) == (
        0.4,
        0.95,
        0.2,
        True,
    )


def test_a_flow_within_its_objective_is_not_told(tmp_path: Path) -> None:
    wide = declared(services=("web",), objective=Objective(availability=0.9, latency_seconds=2))

    assert flows(tmp_path, [*FEW_FAIL[:200], line("/orders", 500, 200)], settings=wide).facts == []


def test_a_flow_without_an_objective_only_names_its_facts(tmp_path: Path) -> None:
    failing = [line("/orders", 503, second) for second in range(30)]

    told = flows(tmp_path, failing, settings=(UserFlow(name="checkout", services=("web",)),)).only("flow.errors")

    assert told.attributes["flow"] == "checkout"
    assert "violated" not in told.attributes


@pytest.mark.parametrize(
    "holder",
    [
        service("web"),
        deployment("web"),
        thing(
            "HTTPRoute", "front", spec={"hostnames": ["shop.example"], "rules": [{"backendRefs": [{"name": "web"}]}]}
        ),
    ],
    ids=["service", "deployment", "route"],
)
def test_an_annotation_declares_a_flow(tmp_path: Path, holder: dict[str, Any]) -> None:
    rest = [one for one in SHOP if (one["kind"], one["metadata"]["name"]) != (holder["kind"], "web")]
    seen = flows(tmp_path, FEW_FAIL, *rest, annotated(holder, objective="availability=99.9%, latency=500ms"))

    told = seen.only("flow.errors").attributes
    assert (told["flow"], told["allowed_ratio"], told["violated"]) == ("checkout", 0.001, True)
    assert seen.gaps == []


def test_an_ingress_that_nobody_measures_is_a_gap(tmp_path: Path) -> None:
    seen = flows(tmp_path, FEW_FAIL, *SHOP, annotated(thing("Ingress", "front")))

    assert [gap.what for gap in seen.gaps] == ["the requests of user flow checkout"]


def test_an_objective_that_cannot_be_read_is_a_gap_that_names_the_object(tmp_path: Path) -> None:
    seen = flows(tmp_path, FEW_FAIL, *SHOP[:3], annotated(service("web"), objective="five nines"))

    (gap,) = seen.gaps
    assert gap.what == "the objective of user flow checkout"
    assert gap.why == "service/shop/web: annotation sre-orchestrator.io/objective is 'five nines'"
    assert "availability=99.9%" in gap.remedy


@pytest.mark.parametrize(
    ("text", "objective"),
    [
        ("", Objective()),
        ("availability=0.995", Objective(availability=0.995)),
        ("availability: 99.5 %", Objective(availability=0.995)),
        ("latency=0.5s", Objective(latency_seconds=0.5)),
        ("latency = 2", Objective(latency_seconds=2.0)),
        ("latency=10%", None),
        ("availability=999", None),
        ("latency=0ms", None),
        ("speed=9", None),
    ],
)
def test_objectives_are_read_from_text(text: str, objective: Objective | None) -> None:
    assert objective_of(text) == objective


def test_a_flow_with_a_host_leaves_out_other_hosts() -> None:
    flow = DeclaredFlow(name="checkout", host="shop.example", components=frozenset({"service/shop/web"}))
    asked = {"component": "deployment/shop/web", "callee": "service/shop/web", "route": "/"}

    assert flow.serves(**asked, host="shop.example")
    assert flow.serves(**asked, host="")
    assert not flow.serves(**asked, host="mail.example")


def histogram(name: str, quick: Sequence[float], slow: Sequence[float]) -> str:
    begin = NOON.timestamp() - 30 * (len(quick) - 1)
    labels = 'namespace="shop",deployment="web",handler="/orders"'
    both = [a + b for a, b in zip(quick, slow, strict=True)]
    rows = [("0.1", quick), ("1.0", both), ("+Inf", both)]
    lines = [
        f'{name}_bucket{{{labels},le="{limit}"}} {value} {begin + 30 * step}'
        for limit, values in rows
        for step, value in enumerate(values)
    ]
    return "\n".join([f"# TYPE {name} histogram", *lines, "# EOF", ""])


def test_durations_that_metrics_count_are_held_to_the_objective(tmp_path: Path) -> None:
    steps = range(40)
    text = histogram(
        "http_request_duration_seconds",
        [100.0 * min(one, 30) for one in steps],
        [100.0 * max(one - 30, 0) for one in steps],
    )

    seen = flows(tmp_path, [], metrics=text, settings=declared(services=("web",)))

    told = seen.only("flow.slow").attributes
    assert (told["before_seconds"], told["after_seconds"], told["origin"]) == (0.095, 0.95, "metrics")
    assert (told["flow"], told["allowed_seconds"], told["violated"]) == ("checkout", 0.2, True)
    assert ("flow.slow", "deployment/shop/web") in seen.coverage


def test_metrics_that_cannot_be_reached_are_a_gap_beside_what_access_logs_tell(tmp_path: Path) -> None:
    seen = flows(tmp_path, [line("/orders", 503, second) for second in range(30)], before=[Absent()])

    assert seen.only("flow.errors").attributes["origin"] == "access-log"
    assert [(gap.what, gap.why) for gap in seen.gaps] == [
        ("requests that metrics count", "Prometheus does not answer; set prometheus.url")
    ]


def test_without_logs_and_metrics_only_declared_flows_are_gaps(tmp_path: Path) -> None:
    path = write_snapshot(tmp_path, *SHOP, namespaces=("shop",))

    async def gather() -> list[object]:
        with open_snapshot(path, SnapshotLimits()) as source:
            agent = UserFlowAgent(declared(services=("web",)))
            return [one async for one in agent.gather(SCOPE, Sources([Objects(source)]))]

    (gap,) = anyio.run(gather)

    assert isinstance(gap, Gap)
    assert gap.what == "the requests of user flow checkout"


def test_logs_that_are_left_alone_are_a_gap(tmp_path: Path) -> None:
    seen = flows(tmp_path, [line("/orders", 503, second) for second in range(30)], before=[NoLogs()])

    assert seen.facts == []
    assert [gap.what for gap in seen.gaps] == ["requests that access logs tell of"]
