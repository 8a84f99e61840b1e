"""Keeps the vectors of texts by the model that made them, so that each text is embedded once."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.language.ports import Embedder
from sre_orchestrator.core.models import Struct

TOGETHER = 8  # texts; a question that is asked meanwhile waits for so many, a fifth of a second
BUSY_SECONDS = 20.0
TABLE = (
    "create table if not exists vector (model text, text text, vector blob, primary key (model, text)) without rowid"
)


class Progress(Struct, frozen=True, kw_only=True):
    """How many texts have vectors, of how many."""

    done: int = 0
    all: int = 0


def floats(vector: Sequence[float]) -> bytes:
    """Return a vector as 32-bit floats."""
    return array("f", vector).tobytes()


class Vectors:
    """The vectors of one model in a SQLite file; safe to use from several threads and processes."""

    def __init__(self, path: Path, embedder: Embedder) -> None:
        self._path = path
        self._embedder = embedder

    def known(self) -> dict[str, bytes]:
        """Return the vectors that there are, by their texts, as 32-bit floats.

        Raises:
            InputError: the file cannot be used.

        """
        with self._open() as connection:
            asked = "select text, vector from vector where model = ?"
            return dict(connection.execute(asked, (self._embedder.digest,)))

    def embed(self, texts: Sequence[str]) -> Iterator[Progress]:
        """Embed those of ``texts`` that have no vector, in their order; in the end forget all but ``texts``.

        Whoever stops asking for progress ends the work; what was embedded is kept.

        Raises:
            ModelError: the model failed; what it embedded before is kept.
            InputError: the file cannot be used.

        """
        wanted = list(dict.fromkeys(texts))
        known = self.known()
        missing = [one for one in wanted if one not in known]
        done = len(wanted) - len(missing)
        yield Progress(done=done, all=len(wanted))
        for begin in range(0, len(missing), TOGETHER):
            some = missing[begin : begin + TOGETHER]
            self._keep(some, self._embedder.embed(some))
            done += len(some)
            yield Progress(done=done, all=len(wanted))
        self._keep_only(wanted)

    def one(self, text: str) -> Sequence[float]:
        """Return the vector of a question, which is not kept.

        Raises:
            ModelError: the model failed.

        """
        return self._embedder.embed([text])[0]

    def _keep(self, texts: Sequence[str], vectors: Sequence[Sequence[float]]) -> None:
        rows = [(self._embedder.digest, text, floats(vector)) for text, vector in zip(texts, vectors, strict=True)]
        with self._open() as connection:
            connection.executemany("insert or replace into vector values (?, ?, ?)", rows)

    def _keep_only(self, texts: Sequence[str]) -> None:
        with self._open() as connection:
            connection.execute("delete from vector where model != ?", (self._embedder.digest,))
            gone = set(self._texts(connection)).difference(texts)
            connection.executemany("delete from vector where text = ?", [(one,) for one in gone])

    @staticmethod
    def _texts(connection: sqlite3.Connection) -> Iterator[str]:
        return (text for (text,) in connection.execute("select text from vector"))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Yield the file within a transaction."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=BUSY_SECONDS)) as connection, connection:
                connection.execute(TABLE)
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise InputError(f"{self._path}: cannot be used: {error}; remove it, and it is made again") from error
