"""Embeds texts once each: what is embedded is kept in a file, or wherever several processes share it."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Protocol

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


class VectorStore(Protocol):
    """Keeps vectors (32-bit floats) by the digests of models and by texts; safe to use from several threads and processes.

    Each method raises ``InputError`` where it cannot be used.
    """

    def known(self, model: str) -> dict[str, bytes]:
        """Return the vectors of a model by their texts."""

    def turn(self, model: str, texts: Sequence[str]) -> AbstractContextManager[Sequence[str]]:
        """Yield those of ``texts`` that nobody has embedded meanwhile; others wait until the context ends."""

    def keep(self, model: str, rows: Mapping[str, bytes]) -> None:
        """Keep vectors by their texts, in the place of those that there are."""

    def keep_only(self, model: str, texts: Collection[str]) -> None:
        """Note that ``texts`` are all that is wanted, and forget what nobody wants."""


class Vectors:
    """Vectors of one model in a store."""

    def __init__(self, store: VectorStore, embedder: Embedder) -> None:
        self._store = store
        self._embedder = embedder

    def known(self) -> dict[str, bytes]:
        """Return the vectors that there are, by their texts, as 32-bit floats.

        Raises:
            InputError: the store cannot be used.

        """
        return self._store.known(self._embedder.digest)

    def embed(self, texts: Sequence[str]) -> Iterator[Progress]:
        """Embed those of ``texts`` that have no vector, in their order; in the end say that only ``texts`` are wanted.

        Whoever stops asking for progress ends the work; what was embedded is kept.

        Raises:
            ModelError: the model failed; what it embedded before is kept.
            InputError: the store cannot be used.

        """
        wanted = list(dict.fromkeys(texts))
        known = self.known()
        missing = [one for one in wanted if one not in known]
        done = len(wanted) - len(missing)
        yield Progress(done=done, all=len(wanted))
        for begin in range(0, len(missing), TOGETHER):
            some = missing[begin : begin + TOGETHER]
            self._embed(some)
            done += len(some)
            yield Progress(done=done, all=len(wanted))
        self._store.keep_only(self._embedder.digest, wanted)

    def one(self, text: str) -> Sequence[float]:
        """Return the vector of a question, which is not kept.

        Raises:
            ModelError: the model failed.

        """
        return self._embedder.embed([text])[0]

    def _embed(self, texts: Sequence[str]) -> None:
        model = self._embedder.digest
        with self._store.turn(model, texts) as ours:
            if ours:
                self._store.keep(model, dict(zip(ours, map(floats, self._embedder.embed(ours)), strict=True)))


class VectorFile:
    """Vectors in a SQLite file (``VectorStore``), of one model: another begins anew."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def known(self, model: str) -> dict[str, bytes]:
        """Return the vectors of a model by their texts."""
        with self._open() as connection:
            return dict(connection.execute("select text, vector from vector where model = ?", (model,)))

    @contextmanager
    def turn(self, model: str, texts: Sequence[str]) -> Iterator[Sequence[str]]:  # noqa: ARG002 - see VectorStore
        """Yield ``texts``: a file has one process that embeds, and a second costs nothing but its time."""
        yield texts

    def keep(self, model: str, rows: Mapping[str, bytes]) -> None:
        """Keep vectors by their texts."""
        values = [(model, text, vector) for text, vector in rows.items()]
        with self._open() as connection:
            connection.executemany("insert or replace into vector values (?, ?, ?)", values)

    def keep_only(self, model: str, texts: Collection[str]) -> None:
        """Forget all but ``texts``, and other models."""
        with self._open() as connection:
            connection.execute("delete from vector where model != ?", (model,))
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
