"""Memory that climbs from each start on, told from memory that levels off, breathes, or needs more at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
from shop import Json, container, node, pod, workload, write_snapshot

from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.models import Fact, Incident, Scope
from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.core.vocabulary import load_vocabulary
from sre_orchestrator.plugins.agents.metrics import MetricsAgent
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

NOW = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
SCOPE = Scope(
    incident=Incident(id="i", description="killed for memory", at=NOW),
    namespaces=("shop",),
    since=NOW - timedelta(hours=1),
    until=NOW,
)
COUNT, STEP = 120, 30
Course = Callable[[int], float]


def climbing(place: int) -> float:
    return 100.0 + 4.0 * place


def sawtooth(place: int) -> float:
    return 100.0 + 6.0 * (place % 60)


def warming(place: int) -> float:
    return 100.0 + 300.0 * min(1.0, place / 40)


def stepping(place: int) -> float:
    return 100.0 if place < 60 else 300.0


def breathing(place: int) -> float:
    return 200.0 + 60.0 * (place % 10) / 10


def creeping(place: int) -> float:
    return 100.0 + 0.1 * place


def storming(place: int) -> float:
    return 100.0 + 40.0 * (place % 8)


def look(folder: Path, *courses: tuple[str, Course], count: int = COUNT, **labels: str) -> list[Fact]:
    """Return the facts of the agent on one series a pod."""
    objects: list[Json] = [node("node-a"), workload("StatefulSet", "cart", replicas=len(courses))]
    objects += [pod(name, containers=[container()], owner=("StatefulSet", "cart")) for name, _ in courses]
    lines = []
    for name, course in courses:
        named = {"namespace": "shop", "pod": name, "container": "app", **labels}
        inside = ",".join(f'{key}="{value}"' for key, value in named.items())
        lines += [
            f"container_memory_working_set_bytes{{{inside}}} {course(place) * 1e6} {NOW.timestamp() - STEP * (count - place)}"
            for place in range(count)
        ]
    path = write_snapshot(folder, *objects, metrics="\n".join([*lines, "# EOF", ""]))

    async def gather() -> list[Fact]:
        with open_snapshot(path, SnapshotLimits()) as source:
            return [one async for one in MetricsAgent().gather(SCOPE, Sources([source])) if isinstance(one, Fact)]

    found = [one for one in anyio.run(gather) if one.kind == "memory.climbing"]
    assert [complaint for one in found if (complaint := load_vocabulary().complaint(one))] == []
    return found


def test_memory_that_climbs_is_told_with_its_way(tmp_path: Path) -> None:
    (fact,) = look(tmp_path, ("cart-0", climbing))

    said = fact.attributes
    assert fact.component == "statefulset/shop/cart"
    assert (said["before_bytes"], said["after_bytes"], said["falls"]) == (138_000_000, 538_000_000, 0)
    assert said["seconds"] == (COUNT - 1) * STEP


def test_memory_that_falls_and_climbs_anew_is_told_with_its_falls(tmp_path: Path) -> None:
    (fact,) = look(tmp_path, ("cart-0", sawtooth))

    assert (fact.attributes["falls"], fact.attributes["seconds"]) == (1, 59 * STEP)


@pytest.mark.parametrize("course", [warming, stepping, breathing, creeping, storming, lambda _: 0.0])
def test_memory_that_does_not_climb_is_not_told(tmp_path: Path, course: Course) -> None:
    assert look(tmp_path, ("cart-0", course)) == []


@pytest.mark.parametrize(
    ("courses", "told"), [((climbing, warming), True), ((climbing, warming, warming), False)], ids=["half", "a third"]
)
def test_half_of_the_pods_must_climb(tmp_path: Path, courses: Sequence[Course], told: bool) -> None:
    found = look(tmp_path, *((f"cart-{place}", course) for place, course in enumerate(courses)))

    assert bool(found) == told


def test_a_few_minutes_do_not_tell(tmp_path: Path) -> None:
    assert look(tmp_path, ("cart-0", climbing), count=20) == []


@pytest.mark.parametrize("labels", [{"container": "istio-proxy"}, {"namespace": "other"}, {"pod": "gone"}])
def test_sidecars_and_strangers_do_not_count(tmp_path: Path, labels: dict[str, str]) -> None:
    assert look(tmp_path, ("cart-0", climbing), **labels) == []
