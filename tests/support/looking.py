"""Runs one agent on a snapshot of some objects and checks what it yields against the vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
from shop import write_snapshot

from sre_orchestrator.core.hookspecs import Agent, Sources
from sre_orchestrator.core.models import Coverage, Fact, Gap, Incident, Question, Scope
from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.core.vocabulary import load_vocabulary
from sre_orchestrator.plugins.sources.snapshot import open_snapshot

NOON = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)


class Seen:
    """What an agent yielded."""

    def __init__(self, agent: Agent, found: Sequence[object]) -> None:
        vocabulary = load_vocabulary()
        self.facts = [one for one in found if isinstance(one, Fact)]
        self.gaps = [one for one in found if isinstance(one, Gap)]
        self.coverage = {(one.kind, one.scope) for one in found if isinstance(one, Coverage)}
        assert [complaint for one in self.facts if (complaint := vocabulary.complaint(one))] == []
        assert {one.kind for one in self.facts} <= agent.kinds

    def of(self, kind: str, component: str = "") -> list[Fact]:
        """Return the facts of ``kind``, all or those about ``component``."""
        return [one for one in self.facts if one.kind == kind and component in ("", one.component)]

    def only(self, kind: str) -> Fact:
        """Return the only fact of ``kind``."""
        (one,) = self.of(kind)
        return one


def look(
    agent: Agent,
    folder: Path,
    *objects: dict[str, Any],
    namespaces: Sequence[str] = ("shop",),
    questions: Sequence[Question] = (),
    description: str = "the shop is down",
    **more: Any,
) -> Seen:
    """Return what ``agent`` yields for a snapshot of ``objects`` at noon (``more`` as for ``write_snapshot``)."""
    path = write_snapshot(folder, *objects, namespaces=namespaces, **more)
    return look_at(agent, path, namespaces, questions, description=description)


def look_at(
    agent: Agent,
    path: Path,
    namespaces: Sequence[str] = ("shop",),
    questions: Sequence[Question] = (),
    *,
    description: str = "the shop is down",
) -> Seen:
    """Return what ``agent`` yields for the snapshot at ``path``."""
    scope = Scope(
        incident=Incident(id="i", description=description, at=NOON),
        namespaces=tuple(namespaces),
        since=NOON - timedelta(hours=1),
        until=NOON,
        questions=tuple(questions),
    )

    async def gather() -> list[object]:
        with open_snapshot(path, SnapshotLimits()) as source:
            return [one async for one in agent.gather(scope, Sources([source]))]

    return Seen(agent, anyio.run(gather))
