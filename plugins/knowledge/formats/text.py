"""Plain text: paragraphs are parted by empty lines, the first line is the title."""

from __future__ import annotations

import re

from sre_orchestrator.plugins.knowledge.formats.decoding import decoded
from sre_orchestrator.plugins.knowledge.formats.front import split_front
from sre_orchestrator.plugins.knowledge.formats.outline import Outline
from sre_orchestrator.plugins.knowledge.formats.reading import Bounds, Reading

_PARAGRAPH = re.compile(r"(?:^.*\S.*$\n?)+", re.MULTILINE)
TITLE = 200


def read(content: bytes, bounds: Bounds) -> Reading:
    """Return what a text says."""
    matter = split_front(decoded(content, bounds))
    outline = Outline(bounds)
    line, here = matter.skipped + 1, 0
    for found in _PARAGRAPH.finditer(matter.rest):
        line += matter.rest.count("\n", here, found.start())
        here = found.start()
        outline.paragraph(found[0], line)
    title = next((line.strip() for line in matter.rest.splitlines() if line.strip()), "")
    return Reading(title=title[:TITLE], front=matter.front, passages=outline.passages(), notes=matter.notes)
