"""The door to reStructuredText (docutils): sections, text, code and links; nothing is inserted from other files."""

from __future__ import annotations

import re

from docutils import nodes
from docutils.core import publish_doctree

from sre_orchestrator.plugins.knowledge.formats.decoding import decoded
from sre_orchestrator.plugins.knowledge.formats.front import front_of, split_front
from sre_orchestrator.plugins.knowledge.formats.outline import Outline
from sre_orchestrator.plugins.knowledge.formats.reading import Bounds, Reading, UnreadableError

_INCLUDE = re.compile(r"^[ \t]*\.\.[ \t]+(include|literalinclude)::[ \t]*(\S+)", re.MULTILINE)
LONGEST_LINE = 10_000  # characters; docutils reads what is never closed again and again
SETTINGS = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "report_level": 5,
    "halt_level": 6,
    "doctitle_xform": False,
    "syntax_highlight": "none",
    "line_length_limit": LONGEST_LINE,
}
DROPPED = (nodes.system_message, nodes.comment, nodes.problematic, nodes.substitution_definition, nodes.raw)


def read(content: bytes, bounds: Bounds) -> Reading:
    """Return what a document says; files that it includes are left out, and told."""
    matter = split_front(decoded(content, bounds))
    for number, line in enumerate(matter.rest.splitlines(), matter.skipped + 1):
        if len(line) > LONGEST_LINE:
            raise UnreadableError(f"{number}: the line is longer than {LONGEST_LINE} characters; break it")
    tree = publish_doctree(matter.rest, settings_overrides=SETTINGS)
    outline = Outline(bounds)
    _Walk(outline, matter.skipped).section(tree, 0)
    front, notes = front_of(_fields(tree))
    left = (
        f"{matter.skipped + matter.rest.count(chr(10), 0, found.start()) + 1}: the {found[1]} of {found[2]} is left out"
        " (no file is inserted, so none can insert itself); ingest that file, too, or copy its text"
        for found in _INCLUDE.finditer(matter.rest)
    )
    return Reading(
        title=outline.title,
        front=matter.front if matter.skipped else front,
        passages=outline.passages(),
        notes=(*matter.notes, *notes, *left),
    )


def _fields(tree: nodes.document) -> dict[str, str]:
    """Return the fields of the document; docutils makes elements of those that it knows itself, such as ``author``."""
    fields = {field[0].astext(): field[1].astext() for field in tree.findall(nodes.field)}
    known = (one for info in tree.findall(nodes.docinfo) for one in info.children if isinstance(one, nodes.Element))
    return {**{one.tagname: one.astext() for one in known}, **fields}


class _Walk:
    """Tells an outline what the nodes of a document say, in their order."""

    def __init__(self, outline: Outline, skipped: int) -> None:
        self._outline = outline
        self._skipped = skipped

    def section(self, node: nodes.Element, level: int) -> None:
        for child in node.children:
            if isinstance(child, DROPPED):
                continue
            if isinstance(child, nodes.title):
                self._outline.heading(level, child.astext(), self._line(child))
            elif isinstance(child, nodes.section):
                self.section(child, level + 1)
            elif isinstance(child, nodes.literal_block | nodes.doctest_block):
                self._code(child)
            elif isinstance(child, nodes.row):
                cells = (" ".join(entry.astext().split()) for entry in child.children)
                self._outline.paragraph(" | ".join(filter(None, cells)), self._line(child))
            elif isinstance(child, nodes.TextElement):
                self._text(child, node)
            elif isinstance(child, nodes.Element):
                self.section(child, level)

    def _text(self, child: nodes.TextElement, parent: nodes.Element) -> None:
        first = isinstance(parent, nodes.list_item) and parent.index(child) == 0
        self._outline.paragraph(("- " if first else "") + child.astext(), self._line(child))
        for link in child.findall(nodes.reference):
            self._outline.link(link.astext(), str(link.get("refuri", "")))

    def _code(self, child: nodes.Element) -> None:
        classes: list[str] = child["classes"]
        language = next((one.lower() for one in classes if one != "code"), "")
        self._outline.code(child.astext(), language=language, line=self._line(child))

    def _line(self, node: nodes.Element) -> int:
        return node.line + self._skipped if node.line else 0
