"""Finds passages by their words: SQLite's full-text index (FTS5) with BM25, identifiers also by their parts."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Collection, Iterable, Sequence

from sre_orchestrator.plugins.knowledge.index import Hit, Indexed

TABLE = """
create virtual table if not exists words using fts5(
    title, names, headings, text, code, tokenize = 'porter unicode61 remove_diacritics 2'
)
"""
WEIGHTS = (6.0, 4.0, 3.0, 1.0, 0.5)  # of the columns; a title says most
MOST_WORDS = 32
COMMON = 5000  # passages with a word that is not looked for where rarer ones are
HALF = 10.0  # the BM25 that is scored 0.5
_WORD = re.compile(r"\w+")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
STOP = frozenset(
    [
        "a",
        "about",
        "above",
        "after",
        "all",
        "also",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "because",
        "been",
        "before",
        "being",
        "below",
        "between",
        "both",
        "but",
        "by",
        "can",
        "did",
        "do",
        "does",
        "doing",
        "down",
        "during",
        "each",
        "few",
        "for",
        "from",
        "further",
        "had",
        "has",
        "have",
        "having",
        "he",
        "her",
        "here",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "just",
        "me",
        "more",
        "most",
        "my",
        "no",
        "nor",
        "not",
        "now",
        "of",
        "off",
        "on",
        "once",
        "only",
        "or",
        "other",
        "our",
        "out",
        "over",
        "own",
        "same",
        "she",
        "should",
        "so",
        "some",
        "such",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "through",
        "to",
        "too",
        "under",
        "until",
        "up",
        "very",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "whom",
        "why",
        "will",
        "with",
        "you",
        "your",
    ]
)


class WordIndex:
    """The words of passages, in the database of a library (``index.Index``); whoever owns that locks it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def update(self, added: Iterable[Indexed], removed: Collection[int]) -> None:
        """Take in passages and forget others, in the transaction that is open."""
        self._connection.executemany("delete from words where rowid = ?", ((one,) for one in removed))
        self._connection.executemany(
            "insert into words (rowid, title, names, headings, text, code) values (?, ?, ?, ?, ?, ?)", map(_row, added)
        )

    def search(self, text: str, limit: int, *, within: Collection[int] | None = None) -> tuple[Hit, ...]:
        """Return the passages that hold words of ``text``, best first; rare words and those of titles count most."""
        asked = " OR ".join(self._rare(query_words(text)))
        if not asked:
            return ()
        chosen = "" if within is None else " and rowid in (select value from json_each(:within))"
        rows = self._connection.execute(
            f"select rowid, bm25(words, {', '.join(map(str, WEIGHTS))}) as rank from words"
            f" where words match :asked{chosen} order by rank, rowid limit :limit",
            {"asked": asked, "limit": limit, "within": json.dumps(sorted(within or ()))},
        )
        return tuple(Hit(id=one, score=-rank / (HALF - rank)) for one, rank in rows)

    def _rare(self, words: Sequence[str]) -> Sequence[str]:
        """Return the words, quoted, without those that are in thousands of passages: these cost most and tell least.

        Where all of them are, all are returned.
        """
        quoted = [f'"{word}"' for word in words]
        counted = "select count(*) from (select 1 from words where words match ? limit ?)"
        rare = [one for one in quoted if self._connection.execute(counted, (one, COMMON)).fetchone()[0] < COMMON]
        return rare or quoted


def query_words(text: str) -> tuple[str, ...]:
    """Return the words of ``text`` that tell something, and the parts of identifiers, in small letters."""
    words = tuple(dict.fromkeys(word.lower() for word in _WORD.findall(spoken(text))))
    telling = tuple(word for word in words if word not in STOP and len(word) > 1)
    return (telling or words)[:MOST_WORDS]


def spoken(text: str) -> str:
    """Return ``text`` with the parts of its identifiers after it: ``KubePodNotReady`` is also ``Kube Pod Not Ready``."""
    parts: list[str] = []
    for word in dict.fromkeys(_WORD.findall(text)):
        found = _PART.findall(word)
        if len(found) > 1:
            parts += found
    return f"{text} {' '.join(parts)}" if parts else text


def _row(one: Indexed) -> tuple[int, str, str, str, str, str]:
    passage = one.passage
    return (
        one.id,
        spoken(one.title),
        spoken(" ".join(one.names)),
        spoken(" ".join(passage.headings)),
        spoken(passage.text),
        "\n".join(fence.text for fence in passage.fences),
    )
