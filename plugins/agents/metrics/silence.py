"""Nodes whose series ended before those of the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.metrics.places import Places
from sre_orchestrator.plugins.sources.ports import Series

# A target that missed as many scrapes did not miss one by chance.
SCRAPES = 4


def unmeasured(series: Sequence[Series], places: Places, observe: Observer) -> Iterator[Fact]:
    """Yield nodes of which every series ended more than four scrapes before the newest sample of the other nodes."""
    ends: dict[str, list[float]] = defaultdict(list)
    scrape = 0.0
    for one in series:
        component = places.of(one.name, one.labels)
        if component in places.nodes and len(one.times) > 1:
            ends[component or ""].append(float(one.times[-1]))
            scrape = max(scrape, float(one.times[-1] - one.times[0]) / (len(one.times) - 1))
    newest = max((max(times) for times in ends.values()), default=0.0)
    for node, times in sorted(ends.items()):
        behind = newest - max(times)
        if behind > SCRAPES * scrape:
            yield observe(
                "node.unmeasured",
                node,
                query=f'up{{instance=~"{node.partition("/")[2]}.*"}}',
                at=datetime.fromtimestamp(max(times), UTC),
                behind_seconds=behind,
                series=len(times),
            )
