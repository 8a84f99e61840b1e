"""The door to DOCX (python-docx): headings, paragraphs, tables, code and links; bombs are refused unopened."""

from __future__ import annotations

import io
import re
import zipfile

import docx
from docx.document import Document as Docx
from docx.opc.exceptions import OpcError
from docx.table import Table
from docx.text.paragraph import Paragraph

from sre_orchestrator.plugins.knowledge.formats.front import front_of
from sre_orchestrator.plugins.knowledge.formats.outline import Outline
from sre_orchestrator.plugins.knowledge.formats.reading import Bounds, Reading, UnreadableError

MOST_PARTS = 5000
MOST_BLOCKS = 20_000  # paragraphs and tables; python-docx is slow
MARKUP = 4  # how much less than pictures markup may weigh: it takes 50 times its size when it is read
_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
_CODE = re.compile(r"code|preformatted|source|verbatim", re.IGNORECASE)


def read(content: bytes, bounds: Bounds) -> Reading:
    """Return what a document says."""
    try:
        _weigh(content, bounds)
        document = docx.Document(io.BytesIO(content))
    except (zipfile.BadZipFile, OpcError, KeyError, ValueError) as error:
        raise UnreadableError(f"is no DOCX: {error}; export it again as DOCX") from error
    outline = Outline(bounds)
    _Walk(outline).through(document)
    passages = outline.passages()
    if not passages:
        raise UnreadableError("holds no text; write something into it, or remove it")
    told = document.core_properties
    front, notes = front_of({"title": told.title or "", "owner": told.author or ""})
    return Reading(title=outline.title, front=front, passages=passages, notes=notes)


def _weigh(content: bytes, bounds: Bounds) -> None:
    """Refuse an archive that says it unpacks to too much; zipfile reads no more than is said."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = archive.infolist()
    size = sum(one.file_size for one in parts)
    markup = sum(one.file_size for one in parts if one.filename.lower().endswith((".xml", ".rels")))
    if markup * MARKUP > bounds.unpacked_bytes >= size:
        what = f"holds {markup // 1024**2} MiB of markup, more than {bounds.unpacked_bytes // MARKUP // 1024**2} MiB"
        raise UnreadableError(f"{what} (a quarter of knowledge.unpacked_bytes); export its text alone")
    if size > bounds.unpacked_bytes or len(parts) > MOST_PARTS:
        what = (
            f"unpacks to {size // 1024**2} MiB in {len(parts)} parts, more than {bounds.unpacked_bytes // 1024**2} MiB"
        )
        raise UnreadableError(f"{what} (knowledge.unpacked_bytes); export its text alone")


class _Walk:
    """Tells an outline what the blocks of a document say; neighbouring paragraphs of code are one block."""

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self._code: list[str] = []
        self._styles: dict[str | None, str] = {}

    def through(self, document: Docx) -> None:
        for number, block in enumerate(document.iter_inner_content()):
            if number == MOST_BLOCKS:
                raise UnreadableError(f"holds more than {MOST_BLOCKS} paragraphs; split it, or export its text alone")
            if isinstance(block, Table):
                self._table(block)
            else:
                self._paragraph(block)
        self._end_code()

    def _paragraph(self, block: Paragraph) -> None:
        style = self._style(block)
        if _CODE.search(style):
            self._code.append(block.text)
            return
        self._end_code()
        level = _HEADING.fullmatch(style)
        if level or style == "Title":
            self._outline.heading(int(level[1]) + 1 if level else 1, block.text)
        else:
            self._outline.paragraph(("- " if style.startswith("List") else "") + block.text)
        for link in block.hyperlinks:
            self._outline.link(link.text, link.url)

    def _style(self, block: Paragraph) -> str:
        """Return the name of the style of a paragraph; python-docx looks for it through all styles, so once for each."""
        known = block._p.style
        if known not in self._styles:
            self._styles[known] = (block.style.name if block.style else "") or ""
        return self._styles[known]

    def _table(self, table: Table) -> None:
        self._end_code()
        for row in table.rows:
            cells = dict.fromkeys(" ".join(cell.text.split()) for cell in row.cells)  # a merged cell is there twice
            self._outline.paragraph(" | ".join(filter(None, cells)))

    def _end_code(self) -> None:
        self._outline.code("\n".join(self._code))
        self._code = []
