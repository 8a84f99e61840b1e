"""What an investigation's progress says of time: its steps, and the agents asked in each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sre_orchestrator.api.service.models import Reported
from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.ports import Progress

PREPARE = "prepare"  # before the first step: what is opened, read and routed
SECOND = 1_000_000_000


class Span(Struct, frozen=True, kw_only=True):
    """Something that took time; ``begun`` and ``ended`` are nanoseconds since 1970."""

    name: str
    begun: int
    ended: int
    failed: bool = False

    @property
    def seconds(self) -> float:
        """Return how long it took."""
        return (self.ended - self.begun) / SECOND


class Ended(Span, frozen=True, kw_only=True):
    """An investigation that ended: with its bundle, or with the ``why`` of its failure. ``name`` is the incident's id."""

    reported: Reported
    steps: tuple[Span, ...] = ()
    agents: tuple[Span, ...] = ()
    bundle: Bundle | None = None
    why: str = ""


@dataclass
class Timings:
    """Progress that is timed, and told to ``others`` (``core.ports.Progress``); used in one thread."""

    others: Progress
    clock: Callable[[], int] = time.time_ns
    _steps: list[tuple[str, int]] = field(default_factory=list)
    _asked: dict[str, int] = field(default_factory=dict)
    _agents: list[Span] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin."""
        self._steps.append((PREPARE, self.clock()))

    def step(self, name: str) -> None:
        """Note a step: the one before it is over."""
        self._steps.append((name, self.clock()))
        self.others.step(name)

    def agent(self, name: str, state: str) -> None:
        """Note an agent."""
        if state == "asked":
            self._asked[name] = self.clock()
        elif name in self._asked:
            begun = self._asked.pop(name)
            self._agents.append(Span(name=name, begun=begun, ended=self.clock(), failed=state == "failed"))
        self.others.agent(name, state)

    def ended(self, incident_id: str, reported: Reported, bundle: Bundle | None, why: str = "") -> Ended:
        """Return all of it, ended now."""
        now = self.clock()
        ends = [*(begun for _, begun in self._steps[1:]), now]
        steps = (Span(name=name, begun=begun, ended=end) for (name, begun), end in zip(self._steps, ends, strict=True))
        return Ended(
            name=incident_id,
            begun=self._steps[0][1],
            ended=now,
            failed=bundle is None,
            reported=reported,
            steps=tuple(steps),
            agents=tuple(self._agents),
            bundle=bundle,
            why=why,
        )
