"""Brings a statement into the form that all of its kind share: no literals, no comments, one line."""

from __future__ import annotations

import re

LONGEST = 160
READ = 8192
# PostgreSQL quotes names with ", MySQL texts; dollar quotes are PostgreSQL's, # comments MySQL's.
_PARTS = r"""
    (?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z){hash})
  | (?P<text>[a-zA-Z]{{0,2}}'(?:[^']|'')*(?:'|\Z)|(?P<tag>\$[A-Za-z_]*\$).*?(?:(?P=tag)|\Z){double})
  | (?P<number>(?<![\w$`".])-?\d[\w.+]*)
  | (?P<space>[\s\x00-\x1f\x7f]+)
"""
_POSTGRES = re.compile(_PARTS.format(hash="", double=""), re.VERBOSE | re.DOTALL)
_MYSQL = re.compile(_PARTS.format(hash=r"|\#[^\n]*", double=r'|"(?:[^"]|"")*(?:"|\Z)'), re.VERBOSE | re.DOTALL)
_LISTS = re.compile(r"\(\s*\?(?:\s*,\s*\?)+\s*\)")
_MANY = re.compile(r"(\(\?[^()]*\))(?:\s*,\s*\(\?[^()]*\))+")
_UNPRINTED = re.compile(
    r"[^\x20-\x7e\u00a0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd]|[\u200b-\u200f\u2028-\u202e\u2060-\u2069]"
)


def normalised(statement: str, family: str) -> str:
    r"""Return the form of ``statement``: literals are ``?``, comments are gone; cut where quoting cannot be told.

    Whether a backslash in a text escapes its quote depends on the session, so nothing is kept from there on.

    >>> normalised("SELECT * FROM users WHERE mail = 'ada@x.org' AND id IN (1, 2, 3) -- hello", "postgres")
    'SELECT * FROM users WHERE mail = ? AND id IN (?)'
    >>> normalised(r"SELECT 'a\' , 'secret'", "mysql")
    'SELECT ?…'
    """
    pattern = _MYSQL if family == "mysql" else _POSTGRES
    parts: list[str] = []
    position, unclear = 0, False
    text = statement[:READ]
    for found in pattern.finditer(text):
        parts.append(text[position : found.start()])
        position = found.end()
        if found["text"] is not None:
            unclear = "\\" in found[0]
            parts.append("?")
            if unclear:
                break
        else:
            parts.append("?" if found["number"] is not None else " ")
    rest = "…" if unclear else text[position:]
    form = " ".join("".join((*parts, rest)).split())
    form = _MANY.sub(r"\1", _LISTS.sub("(?)", form))
    form = _UNPRINTED.sub("", form)
    return form if len(form) <= LONGEST else form[: LONGEST - 1] + "…"


def verb(form: str) -> str:
    """Return the first word of a statement's form, in capitals.

    >>> verb("(select a) union (select b)"), verb("")
    ('SELECT', '')
    """
    found = re.match(r"\W*(\w{1,20})", form)
    return found[1].upper() if found else ""
