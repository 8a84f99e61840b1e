"""Gathers what a document says, in its order, into passages: one a heading, long ones in parts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sre_orchestrator.core.knowledge import Fence, Link, Passage
from sre_orchestrator.core.redact import without_secrets
from sre_orchestrator.plugins.knowledge.formats.reading import Bounds, too_long

PASSAGE = 1500  # characters; what a small embedding model reads at once
HEADING = 200
OURS = frozenset({"rule", "check"})  # read by the program, so kept letter for letter
_BLANK = re.compile(r"[^\S\n]+")


class Outline:
    """Is told headings, paragraphs, code and links; gives passages, without secrets."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._left = bounds.characters
        self._path: list[tuple[int, str]] = []
        self._line = 0
        self._texts: list[str] = []
        self._fences: list[Fence] = []
        self._links: list[Link] = []
        self._bare = False
        self._passages: list[Passage] = []
        self.title = ""

    def heading(self, level: int, text: str, line: int = 0) -> None:
        """Begin a section; ``level`` 1 is the outermost."""
        text = " ".join(without_secrets(text).split())[:HEADING]
        if not text:
            return
        below = bool(self._path) and level > self._path[-1][0]
        self._close(alone=not below)
        while self._path and self._path[-1][0] >= level:
            self._path.pop()
        self._path.append((level, text))
        self._line, self._bare = line, True
        self.title = self.title or text

    def paragraph(self, text: str, line: int = 0) -> None:
        """Add prose to the section."""
        text = "\n".join(filter(None, (_BLANK.sub(" ", part).strip() for part in text.splitlines())))
        self._spend(text)
        for part in _parts(without_secrets(text)):
            if self._texts and sum(map(len, self._texts)) + len(part) > PASSAGE:
                self._close()
                self._line = line
            self._line = self._line or line
            self._texts.append(part)

    def code(self, text: str, *, language: str = "", line: int = 0) -> None:
        """Add a block of code to the section; its text begins in ``line``."""
        self._spend(text)
        if text.strip():
            self._line = self._line or line
            kept = text if language in OURS else without_secrets(text)
            self._fences.append(Fence(language=language, text=kept, line=line))

    def link(self, text: str, address: str) -> None:
        """Add a link to the section."""
        if address and not address.lower().startswith(("javascript:", "data:", "vbscript:")):
            shown = " ".join(without_secrets(text).split())
            self._links.append(Link(text=shown[:HEADING], address=without_secrets(address)))

    def passages(self) -> tuple[Passage, ...]:
        """Return the passages; nothing may be added afterwards."""
        self._close(alone=True)
        return tuple(self._passages)

    def _spend(self, text: str) -> None:
        self._left -= len(text)
        if self._left < 0:
            raise too_long(self._bounds)

    def _close(self, *, alone: bool = False) -> None:
        """End a passage; one that is a heading alone is kept only if nothing is below it."""
        if self._texts or self._fences or self._links or (alone and self._bare):
            self._passages.append(
                Passage(
                    headings=tuple(text for _, text in self._path),
                    text="\n".join(self._texts),
                    line=self._line,
                    fences=tuple(self._fences),
                    links=tuple(self._links),
                )
            )
        self._texts, self._fences, self._links, self._bare, self._line = [], [], [], False, 0


def _parts(text: str) -> Iterator[str]:
    """Yield prose in parts that fit a passage, cut between words where there are any."""
    begin = 0
    while begin < len(text):
        end = begin + PASSAGE
        if end < len(text):
            cut = max(text.rfind(" ", begin + PASSAGE // 2, end), text.rfind("\n", begin + PASSAGE // 2, end))
            end = cut if cut > 0 else end
        if part := text[begin:end].strip():
            yield part
        begin = end
