"""Finds the runbooks that fit a hypothesis: those that name what was seen, and those that mean the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Literal

import msgspec

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.knowledge import Found
from sre_orchestrator.core.models import Hypothesis, Runbook, Struct
from sre_orchestrator.core.ports import Around
from sre_orchestrator.plugins.knowledge.keywords import query_words
from sre_orchestrator.plugins.knowledge.library import STALE_DAYS, Library
from sre_orchestrator.plugins.knowledge.links import Links
from sre_orchestrator.plugins.knowledge.names import NameKind, keys_in
from sre_orchestrator.plugins.knowledge.words import stems

Kind = Literal["cause", "alert", "component", "image"]
MOST = 3
SHOWN = 800  # characters of a passage
MEANT = 0.7  # what means the same by itself; below, runbooks of other things begin (docs/explanation/knowledge.md)
NAMED_AND_MEANT = 0.45  # enough for a runbook of the same component or image
NAMED_AND_SAID = 0.3  # of the hypothesis' words, the same where only words are known


class Naming(Struct, frozen=True, kw_only=True):
    """What it counts that a document is called something, whether that suffices, and as what it is called so."""

    counts: float
    suffices: bool = False
    kinds: tuple[NameKind, ...]


NAMINGS: Mapping[Kind, Naming] = {
    "cause": Naming(counts=3.0, suffices=True, kinds=("cause",)),
    "alert": Naming(counts=2.0, suffices=True, kinds=("alert",)),
    # a title or a file may be the name of an alert or of a component
    "component": Naming(counts=1.0, kinds=("component", "alert")),
    "image": Naming(counts=0.5, kinds=("component", "alert")),
}


class Adviser:
    """A ``core.ports.Knowledge``: looks into ``libraries`` as they are when it is asked."""

    def __init__(
        self, libraries: Callable[[], Sequence[Library]], *, stale_days: int = STALE_DAYS, links: Links | None = None
    ) -> None:
        self._libraries = libraries
        self._stale_days = stale_days
        self._links = links or Links()

    def advise(self, hypothesis: Hypothesis, around: Around) -> tuple[Runbook, ...]:
        """Return the best passages first, at most three; empty when nothing fits well, or no library can be used."""
        found: list[tuple[float, Found]] = []
        with suppress(InputError):
            for library in self._libraries():
                found += self._of(library, hypothesis, around)
        best: dict[str, Runbook] = {}
        for _, one in sorted(found, key=lambda each: (-each[0], each[1].address)):
            best.setdefault(one.address, _runbook(one))
        return tuple(best.values())[:MOST]

    def _of(self, library: Library, hypothesis: Hypothesis, around: Around) -> Iterator[tuple[float, Found]]:
        """Yield what fits, and how well."""
        text = f"{hypothesis.title}. {hypothesis.because}"
        fitting = partial(
            library.fitting,
            text,
            namespaces=around.namespaces or None,
            today=around.at.date(),
            stale_days=self._stale_days,
        )
        for kind, names in _names(hypothesis, around).items():
            naming = NAMINGS[kind]
            called = {one for name in names for sort in naming.kinds for one in library.named(name, sort)}
            called |= {one for link in self._linked(kind, names) for one in _placed(library, link)}
            for found in fitting(len(called), within=called) if called else ():
                if naming.suffices or _about(text, found):
                    yield naming.counts + found.score, msgspec.structs.replace(found, by=(kind, *found.by))
        for found in fitting(MOST) if library.meaning else ():
            if "meaning" in found.by and found.score >= MEANT:
                yield found.score, found

    def _linked(self, kind: Kind, names: Sequence[str]) -> tuple[str, ...]:
        """Return the runbooks that somebody confirmed for a cause or for alerts."""
        if kind == "cause":
            return self._links.for_cause(names[0])
        return self._links.for_alerts(names) if kind == "alert" else ()


def _placed(library: Library, link: str) -> tuple[str, ...]:
    """Return the documents that a link names, by address or as the name of a runbook."""
    return (link,) if library.digest(link) is not None else library.named(link)


def _about(text: str, found: Found) -> bool:
    """Say whether a passage of a document that names something of ``text`` is about the rest of it, too."""
    if "meaning" in found.by:
        return found.score >= NAMED_AND_MEANT
    words = set(query_words(" ".join(stems(text))))
    said = words.intersection(stems(" ".join((found.title, *found.headings, found.text))))
    return len(said) >= NAMED_AND_SAID * len(words)


def _names(hypothesis: Hypothesis, around: Around) -> dict[Kind, Sequence[str]]:
    return {
        "cause": (hypothesis.cause,),
        "alert": (*around.alerts, *keys_in(around.description)),
        "component": around.components,
        "image": around.images,
    }


def _runbook(found: Found) -> Runbook:
    text = found.text if len(found.text) <= SHOWN else f"{found.text[:SHOWN].rstrip()}…"
    return Runbook(
        title=found.title,
        headings=tuple(one for one in found.headings if one != found.title),
        passage=text,
        address=found.address,
        by=found.by,
        stale=found.stale,
    )
