"""Makes text of bytes: by what they say of themselves, else UTF-8; what is no text is refused."""

from __future__ import annotations

import codecs
import re

from sre_orchestrator.plugins.knowledge.formats.reading import Bounds, UnreadableError, too_long

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(
    rb"<(?:meta|\?xml)[^>]{0,200}?(?:charset|encoding)\s*=\s*[\"']?([A-Za-z0-9_.:-]{2,40})", re.IGNORECASE
)
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f]")
MOST_STRANGE = 0.01  # escape sequences of a pasted terminal are strange, too


def decoded(content: bytes, bounds: Bounds, *, declared: bool = False) -> str:
    """Return text whose lines end as ours; with ``declared``, HTML may name its encoding.

    Raises:
        UnreadableError: it is empty, too long, in another encoding, or no text.

    """
    name = next((one for mark, one in _MARKS if content.startswith(mark)), "")
    if not name and declared and (found := _DECLARED.search(content[:2048])):
        name = _known(found[1].decode())
    try:
        text = content.decode(name or "utf-8")
    except UnicodeDecodeError as error:
        if len(_NO_TEXT.findall(content.decode("latin-1"))) > MOST_STRANGE * len(content):
            raise _no_text() from error
        line = content[: error.start].count(b"\n") + 1
        what = f"{line}: is not {(name or 'UTF-8').upper()} (byte 0x{content[error.start]:02x} at {error.start})"
        raise UnreadableError(f"{what}; save it as UTF-8: iconv -f WINDOWS-1252 -t UTF-8") from error
    if "\x00" in text or len(_NO_TEXT.findall(text)) > MOST_STRANGE * len(text):
        raise _no_text()
    if not text.strip():
        raise UnreadableError("is empty; write something into it, or remove it")
    if len(text) > bounds.characters:
        raise too_long(bounds)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def without(text: str, begin: str, end: str) -> str:
    """Return ``text`` without what stands from each ``begin`` to its ``end``; in linear time, whatever it is."""
    parts: list[str] = []
    here = 0
    while (found := text.find(begin, here)) >= 0 and (closed := text.find(end, found + len(begin))) >= 0:
        parts.append(text[here:found])
        here = closed + len(end)
    return " ".join([*parts, text[here:]])


def _known(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return ""


def _no_text() -> UnreadableError:
    return UnreadableError("is no text but binary data; export it as Markdown, HTML, PDF or DOCX")
