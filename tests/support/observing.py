"""Parts for tests of what the service tells of itself."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from extras import program
from reports import hypothesis, report
from service import bundle_of

from sre_orchestrator.api.service.models import Reported
from sre_orchestrator.api.service.telemetry import Figures
from sre_orchestrator.core.models import Gap
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.ports import Progress

CAUSE = "memory-limit-too-low"
REPORTED = Reported(description="checkout answers 500", namespace="shop", cluster="prod")


def diagnosed(cause: str = CAUSE, gaps: tuple[Gap, ...] = ()) -> Bundle:
    """Return an investigation that proved ``cause``."""
    return bundle_of(report(hypothesis(cause=cause), gaps=gaps))


class Walked:
    """An investigator that goes through all steps, asks two agents, and returns or raises what it is given."""

    def __init__(self, end: Callable[[], Bundle]) -> None:
        self._end = end

    async def investigate(self, incident_id: str, reported: Reported, progress: Progress) -> Bundle:
        """Go through the steps."""
        del incident_id, reported
        progress.step("gather")
        for name, state in (("logs", "done"), ("metrics", "failed"), ("of a plugin", "done")):
            progress.agent(name, "asked")
            progress.agent(name, state)
        for name in ("infer", "rank", "infer", "rank", "narrate"):
            progress.step(name)
        return self._end()


class Unheard:
    """Progress that nobody watches."""

    def step(self, name: str) -> None:
        """Say nothing."""

    def agent(self, name: str, state: str) -> None:
        """Say nothing."""


def value(figures: Figures, name: str, **labels: str) -> float | None:
    """Return a figure."""
    return figures.registry.get_sample_value(f"sre_orchestrator_{name}", labels)


def promtool(*words: str, stdin: bytes = b"") -> str:
    """Run promtool, which must succeed, and return all that it said."""
    done = subprocess.run([program("promtool"), *words], input=stdin, capture_output=True, check=False, timeout=60)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said
