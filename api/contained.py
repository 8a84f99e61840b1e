"""Reads what the sources of plugins know of components; one that raises, hangs or yields garbage becomes a gap."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sre_orchestrator.core.boundary import Failure
from sre_orchestrator.core.gather import apart
from sre_orchestrator.core.hookspecs import Source
from sre_orchestrator.core.models import Component, Edge, Gap

Known = Component | Edge | Gap
MOST = 100_000


async def known_by(source: Source, seconds: float) -> Sequence[Known]:
    """Return what ``source`` yields within ``seconds``, and a gap for what went wrong."""
    kept: list[Known] = []
    outcome = await apart(lambda: _read(source, kept), name=f"source-{source.name}", seconds=seconds)
    known = tuple(kept)
    if outcome is None:
        return (*known, _gap(source, f"no answer within {seconds:g} s"))
    return (*known, _gap(source, outcome.why)) if isinstance(outcome, Failure) else known


async def _read(source: Source, kept: list[Known]) -> None:
    async for one in source.sync():
        if not isinstance(one, Known):
            raise TypeError(f"sync yielded a {type(one).__name__}, not a Component, Edge or Gap")
        if len(kept) >= MOST:
            raise ValueError(f"sync did not end after {MOST} components and edges")
        # structs do not check the types that they are given
        kept.append(msgspec.convert(msgspec.to_builtins(one), type(one)))


def _gap(source: Source, why: str) -> Gap:
    return Gap(
        agent=source.name,
        what="components that this source had not yet named",
        why=why,
        remedy="fix, upgrade or uninstall the plugin that adds it",
    )
