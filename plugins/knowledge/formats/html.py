"""The door to HTML (Beautiful Soup): headings, text, code and links; scripts, styles and navigation are dropped."""

from __future__ import annotations

import re
import warnings

from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning
from bs4.element import NavigableString, PageElement, PreformattedString, Tag

from sre_orchestrator.plugins.knowledge.formats.decoding import decoded, without
from sre_orchestrator.plugins.knowledge.formats.front import front_of
from sre_orchestrator.plugins.knowledge.formats.outline import Outline
from sre_orchestrator.plugins.knowledge.formats.reading import Bounds, Reading, UnreadableError

DROPPED = frozenset(
    [
        "script",
        "style",
        "noscript",
        "template",
        "head",
        "nav",
        "footer",
        "iframe",
        "object",
        "embed",
        "applet",
        "svg",
        "math",
        "canvas",
        "form",
        "button",
        "select",
        "textarea",
    ]
)
BLOCKS = frozenset(
    [
        "p",
        "div",
        "li",
        "dt",
        "dd",
        "tr",
        "table",
        "ul",
        "ol",
        "dl",
        "section",
        "article",
        "main",
        "aside",
        "header",
        "blockquote",
        "figure",
        "figcaption",
        "details",
        "summary",
        "body",
        "html",
        "br",
        "hr",
        "address",
        "fieldset",
        "caption",
        "thead",
        "tbody",
        "tfoot",
    ]
)
DEEPEST = 200
_HEADING = re.compile(r"h[1-6]")
_LANGUAGE = re.compile(r"\b(?:language|lang|highlight-source|highlight)-([\w+#-]+)|\bbrush:\s*([\w+#-]+)")


def read(content: bytes, bounds: Bounds) -> Reading:
    """Return what a page says."""
    text = _closed(decoded(content, bounds, declared=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)  # XHTML is read as HTML, as browsers do
        page = BeautifulSoup(text, "html.parser")
    outline = Outline(bounds)
    walk = _Walk(outline)
    walk.enter(page, 0)
    walk.flush()
    told = {
        str(one["name"]): str(one["content"]) for one in page.find_all("meta", attrs={"name": True, "content": True})
    }
    front, notes = front_of(told)
    title = page.title.get_text() if page.title else ""
    passages = outline.passages()
    if not passages:
        raise UnreadableError("says nothing without its scripts; save the page as the browser shows it, or as PDF")
    return Reading(title=outline.title or " ".join(title.split()), front=front, passages=passages, notes=notes)


def _closed(text: str) -> str:
    """Return ``text`` without comments and tags that nothing closes: the parser would read them again and again."""
    text = without(text, "<!--", "-->").replace("<!--", "")
    last = text.rfind(">") + 1
    return text[:last] + text[last:].replace("<", "&lt;")


class _Walk:
    """Tells an outline what the elements of a page say, in their order."""

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self._parts: list[str] = []
        self._line = 0

    def flush(self) -> None:
        self._outline.paragraph("".join(self._parts), self._line)
        self._parts, self._line = [], 0

    def enter(self, element: Tag, depth: int) -> None:
        if depth > DEEPEST:
            raise UnreadableError(f"{element.sourceline or 1}: has elements nested {DEEPEST} deep; simplify the page")
        for child in element.children:
            self._meet(child, depth)

    def _meet(self, child: PageElement, depth: int) -> None:
        if isinstance(child, Tag):
            self._element(child, depth)
        elif isinstance(child, NavigableString) and not isinstance(child, PreformattedString):
            self._parts.append(re.sub(r"\s+", " ", child))

    def _element(self, tag: Tag, depth: int) -> None:
        line = tag.sourceline or 0
        if tag.name in DROPPED:
            return
        if _HEADING.fullmatch(tag.name):
            self.flush()
            self._outline.heading(int(tag.name[1]), tag.get_text(), line)
        elif tag.name == "pre":
            self.flush()
            self._outline.code(tag.get_text(), language=_language(tag), line=line)
        else:
            self._flow(tag, depth, line)

    def _flow(self, tag: Tag, depth: int, line: int) -> None:
        block = tag.name in BLOCKS
        if block:
            self.flush()
            self._line = line
        if tag.name == "li":
            self._parts.append("- ")
        elif tag.name in ("td", "th") and self._parts:
            self._parts.append(" | ")
        self.enter(tag, depth + 1)
        if tag.name == "a" and tag.get("href"):
            self._outline.link(tag.get_text(), str(tag["href"]))
        if block:
            self.flush()


def _language(tag: Tag) -> str:
    """Return the language of a block of code; pages say it at the block, inside of it, or around it."""
    around = [one for one in (tag, tag.find("code"), *list(tag.parents)[:2]) if isinstance(one, Tag)]
    found = _LANGUAGE.search(" ".join(name for one in around for name in _classes(one)))
    return (found[1] or found[2]).lower() if found else ""


def _classes(tag: Tag) -> list[str]:
    value = tag.get("class")
    return [str(one) for one in value] if isinstance(value, list) else []
