"""Reads what the sources of plugins know of components; one that raises, hangs or yields garbage becomes a gap."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sre_orchestrator.core.boundary import Failure
from sre_orchestrator.core.gather import apart
from sre_orchestrator.core.hookspecs import Source
from sre_orchestrator.core.models import Component, Edge, Gap, Struct

Known = Component | Edge | Gap
MOST = 100_000


class Heard(Struct, frozen=True, kw_only=True):
    """What a source told in time, and what went wrong before it had told all."""

    known: tuple[Known, ...] = ()
    problem: str = ""


async def known_by(source: Source, seconds: float) -> Sequence[Known]:
    """Return what ``source`` yields within ``seconds``, and a gap for what went wrong."""
    heard = await heard_of(source, seconds)
    return (*heard.known, gap_of(source, heard.problem)) if heard.problem else heard.known


async def heard_of(source: Source, seconds: float) -> Heard:
    """Return what ``source`` yields within ``seconds``; relations that do not say where they are read are marked by its name."""
    kept: list[Known] = []
    outcome = await apart(lambda: _read(source, kept), name=f"source-{source.name}", seconds=seconds)
    known = tuple(kept)
    if outcome is None:
        return Heard(known=known, problem=f"no answer within {seconds:g} s")
    return Heard(known=known, problem=outcome.why if isinstance(outcome, Failure) else "")


def gap_of(source: Source, why: str, what: str = "components that this source had not yet named") -> Gap:
    """Return the gap of a source that could not be read."""
    return Gap(agent=source.name, what=what, why=why, remedy="fix, upgrade or uninstall the plugin that adds it")


async def _read(source: Source, kept: list[Known]) -> None:
    async for one in source.sync():
        if not isinstance(one, Known):
            raise TypeError(f"sync yielded a {type(one).__name__}, not a Component, Edge or Gap")
        if len(kept) >= MOST:
            raise ValueError(f"sync did not end after {MOST} components and edges")
        # structs do not check the types that they are given
        sound = msgspec.convert(msgspec.to_builtins(one), type(one))
        if isinstance(sound, Edge) and not sound.provenance:
            sound = msgspec.structs.replace(sound, provenance=source.name)
        kept.append(sound)
