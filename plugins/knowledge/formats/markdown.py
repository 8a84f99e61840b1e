"""The door to Markdown (markdown-it): CommonMark with tables, and front matter."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from sre_orchestrator.plugins.knowledge.formats.decoding import decoded, without
from sre_orchestrator.plugins.knowledge.formats.front import split_front
from sre_orchestrator.plugins.knowledge.formats.outline import Outline
from sre_orchestrator.plugins.knowledge.formats.reading import Bounds, Reading

_SHORTCODE = re.compile(r"\{\{[<%][^{}]*\}\}")  # of Hugo
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")


def read(content: bytes, bounds: Bounds) -> Reading:
    """Return what Markdown says; HTML in it gives its text alone."""
    matter = split_front(decoded(content, bounds))
    outline = Outline(bounds)
    walk = _Walk(outline, matter.skipped)
    for token in MarkdownIt("commonmark").enable("table").parse(matter.rest):
        walk.meet(token)
    return Reading(title=outline.title, front=matter.front, passages=outline.passages(), notes=matter.notes)


class _Walk:
    """Tells an outline what the tokens of a document say, one after the other."""

    def __init__(self, outline: Outline, skipped: int) -> None:
        self._outline = outline
        self._skipped = skipped
        self._level = 0
        self._marks: list[str] = []
        self._cells: list[str] | None = None

    def meet(self, token: Token) -> None:
        line = token.map[0] + self._skipped + 1 if token.map else 0
        match token.type:
            case "fence":
                language = (token.info.split() or [""])[0].strip("{.}").lower()
                self._outline.code(token.content, language=language, line=line + 1)
            case "code_block":
                self._outline.code(token.content, line=line)
            case "html_block":
                self._outline.paragraph(_SHORTCODE.sub(" ", _without_html(token.content)), line)
            case "inline":
                self._inline(token, line)
            case _:
                self._frame(token)

    def _frame(self, token: Token) -> None:
        """Note what the text that follows is: a heading, an item of a list, a cell of a table."""
        match token.type:
            case "heading_open":
                self._level = int(token.tag[1])
            case "heading_close":
                self._level = 0
            case "list_item_open":
                self._marks.append(f"{token.info}{token.markup} " if token.info else "- ")
            case "list_item_close":
                self._marks.clear()
            case "tr_open":
                self._cells = []
            case "tr_close":
                self._outline.paragraph(" | ".join(filter(None, self._cells or [])))
                self._cells = None

    def _inline(self, token: Token, line: int) -> None:
        text = _SHORTCODE.sub(" ", self._said(token.children or ()))
        if self._level:
            self._outline.heading(self._level, text, line)
        elif self._cells is not None:
            self._cells.append(" ".join(text.split()))
        else:
            self._outline.paragraph((self._marks.pop() if self._marks else "") + text, line)

    def _said(self, children: Sequence[Token]) -> str:
        parts: list[str] = []
        opened: list[tuple[int, str]] = []
        for one in children:
            if one.type in ("text", "code_inline", "image"):
                parts.append(one.content)
            elif one.type in ("softbreak", "hardbreak"):
                parts.append("\n")
            elif one.type == "link_open":
                opened.append((len(parts), str(one.attrs.get("href", ""))))
            elif one.type == "link_close":
                begin, address = opened.pop()
                self._outline.link("".join(parts[begin:]), address)
        return "".join(parts)


def _without_html(text: str) -> str:
    """Return the text of a block of HTML."""
    for begin, end in (("<!--", "-->"), ("<script", "</script>"), ("<style", "</style>")):
        text = without(text, begin, end)
    return _TAG.sub(" ", text)
