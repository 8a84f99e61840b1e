"""PDF and DOCX files as other programs write them, small and large, good and bad."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence

import docx
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject


def pdf(
    pages: Sequence[str],
    *,
    password: str = "",
    bookmarks: Mapping[str, int] | None = None,
    about: Mapping[str, str] = {},
) -> bytes:
    """Return a PDF with a line of text a page; ``bookmarks`` lead to page numbers, the second one below the first."""
    writer = PdfWriter()
    font = DictionaryObject(
        {NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1")}
        | {NameObject("/BaseFont"): NameObject("/Helvetica")}
    )
    for text in pages:
        page = writer.add_blank_page(612, 792)
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
        )
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET".encode())
        page[NameObject("/Contents")] = stream
    parent = None
    for title, page_number in (bookmarks or {}).items():
        parent = writer.add_outline_item(title=title, page_number=page_number, parent=parent)
    writer.add_metadata({f"/{name}": value for name, value in about.items()})
    if password:
        writer.encrypt(password, algorithm="AES-256")
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def bomb(mebibytes: int) -> bytes:
    """Return a DOCX of a few kilobytes that unpacks to ``mebibytes``."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("word/document.xml", "w", force_zip64=True) as part:
            for _ in range(mebibytes):
                part.write(b"A" * 1024**2)
    return written.getvalue()


def paragraphs(count: int) -> bytes:
    """Return a DOCX of so many empty paragraphs, which weighs a few kilobytes."""
    plain, written = io.BytesIO(), io.BytesIO()
    docx.Document().save(plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            part = source.read(name)
            if name == "word/document.xml":
                part = part.replace(b"<w:body>", b"<w:body>" + b"<w:p/>" * count)
            archive.writestr(name, part)
    return written.getvalue()
