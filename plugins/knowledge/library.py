"""The library of runbooks: documents with their passages, names and code in one SQLite file, and search over them."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from threading import RLock
from typing import Literal

import msgspec

from sre_orchestrator.core.knowledge import Document, Fence, Found, Front, Passage
from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.knowledge import tables
from sre_orchestrator.plugins.knowledge.index import Finder, Hit, Indexed
from sre_orchestrator.plugins.knowledge.keywords import WordIndex
from sre_orchestrator.plugins.knowledge.names import NameKind, key_of, keys_in, names_of

READER = 1  # grows when the same bytes are read into other passages, so that they are read again
DEPTH = 50  # passages that are looked at for one answer: several may be of one document
STALE_DAYS = 365
FUSED = 60.0  # of reciprocal rank fusion (Cormack et al. 2009)
Row = tuple[int, str, str, str, str, str]  # of a document: id, address, namespace, title, front; a passage
By = Literal["alert", "cause", "component", "image", "words", "meaning"]


def library_file(state_dir: str) -> Path:
    """Return where the library of an installation is."""
    return Path(state_dir) / "knowledge" / "library.db"


class Listed(Struct, frozen=True, kw_only=True):
    """A document without its text; ``passages`` is how many it has."""

    address: str
    title: str
    format: str
    digest: str
    namespace: str = ""
    front: Front = Front()
    passages: int = 0


class Library:
    """Documents, found by name, words and (with an index of it) meaning; safe to use from several threads.

    Raises:
        LibraryError: (all methods) the file cannot be used; the message says how it is made again.

    """

    def __init__(self, path: Path | None = None, *, meaning: Finder | None = None) -> None:
        self.path = path
        self.meaning = meaning
        self._lock = RLock()
        self._connection = tables.opened(path)
        self._words = WordIndex(self._connection)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def digest(self, address: str) -> str | None:
        """Return the digest of a document, ``""`` where it must be read again, ``None`` where there is none."""
        with self._reading() as connection:
            row = connection.execute("select digest, reader from document where address = ?", (address,)).fetchone()
        if row is None:
            return None
        return str(row[0]) if row[1] == READER else ""

    def digests(self) -> dict[str, str]:
        """Return the digest of each document by its address, ``""`` where it must be read again."""
        with self._reading() as connection:
            rows = connection.execute("select address, digest, reader from document")
            return {address: digest if reader == READER else "" for address, digest, reader in rows}

    def below(self, prefix: str) -> frozenset[str]:
        """Return the addresses that begin with ``prefix``."""
        with self._reading() as connection:
            rows = connection.execute(
                "select address from document where substr(address, 1, ?) = ?", (len(prefix), prefix)
            )
            return frozenset(address for (address,) in rows)

    def keep(self, documents: Iterable[Document], *, namespace: str = "") -> None:
        """Keep documents in one transaction, each in the place of one of the same address.

        ``namespace`` (several: comma-separated) says whose they are; none: everybody's.
        """
        with self._writing():
            for document in documents:
                self._forget([document.address])
                self._add(document, namespace)

    def remove(self, addresses: Collection[str]) -> int:
        """Remove documents in one transaction; return how many there were."""
        with self._writing():
            return self._forget(addresses)

    def documents(self, namespaces: Collection[str] | None = None) -> tuple[Listed, ...]:
        """Return the documents of ``namespaces`` and those of none (``None``: all), by address."""
        columns = "address, title, format, digest, namespace, front, passages"
        with self._reading() as connection:
            rows = connection.execute(f"select {columns} from document order by address").fetchall()
        listed = (
            Listed(
                address=row[0],
                title=row[1],
                format=row[2],
                digest=row[3],
                namespace=row[4],
                front=msgspec.json.decode(row[5], type=Front),
                passages=row[6],
            )
            for row in rows
        )
        return tuple(one for one in listed if visible(one.namespace, namespaces))

    def named(self, name: str, kind: NameKind = "alert") -> tuple[str, ...]:
        """Return the addresses of the documents that are called ``name``, however it is spelled."""
        asked = (
            "select distinct address from name join document on document.id = name.document where key = ? and kind = ?"
        )
        with self._reading() as connection:
            return tuple(sorted(one for (one,) in connection.execute(asked, (key_of(name), kind))))

    def fences(self, language: str) -> tuple[tuple[str, str], ...]:
        """Return the blocks of code in ``language`` of all documents: where each begins (``ADDRESS:LINE``), and its text."""
        asked = (
            "select address, line, text from fence join document on document.id = fence.document"
            " where language = ? order by address, fence.rowid"
        )
        with self._reading() as connection:
            return tuple(
                (placed(address, line), text) for address, line, text in connection.execute(asked, (language,))
            )

    def fences_of(self, address: str) -> tuple[Fence, ...]:
        """Return the blocks of code of the document at ``address``, in order."""
        asked = (
            "select language, text, line from fence join document on document.id = fence.document"
            " where address = ? order by fence.rowid"
        )
        with self._reading() as connection:
            rows = connection.execute(asked, (address,))
            return tuple(Fence(language=language, text=text, line=line) for language, text, line in rows)

    def beginning(self, address: str, most: int) -> str:
        """Return how the document at ``address`` begins, in at most ``most`` characters; ``""`` where there is none."""
        asked = "select body from passage join document on document.id = passage.document where address = ? order by passage.id"
        text = ""
        with self._reading() as connection:
            for (body,) in connection.execute(asked, (address,)):
                text += f"{_passage(body).text}\n"
                if len(text) >= most:
                    break
        return text[:most]

    def ids(self) -> frozenset[int]:
        """Return the ids of all passages."""
        with self._reading() as connection:
            return frozenset(one for (one,) in connection.execute("select id from passage"))

    def passages(self, after: int = 0, limit: int = 1000) -> tuple[Indexed, ...]:
        """Return at most ``limit`` passages with greater ids than ``after``, in the order of ids."""
        asked = (
            "select passage.id, body, title, address, front from passage join document on document.id = passage.document"
            " where passage.id > ? order by passage.id limit ?"
        )
        with self._reading() as connection:
            rows = connection.execute(asked, (after, limit)).fetchall()
        return tuple(
            Indexed(id=one, title=title, names=_names(address, front), passage=_passage(body))
            for one, body, title, address, front in rows
        )

    def search(
        self,
        text: str,
        limit: int = 10,
        *,
        namespaces: Collection[str] | None = None,
        today: date | None = None,
        stale_days: int = STALE_DAYS,
    ) -> tuple[Found, ...]:
        """Return the passages that fit ``text`` best, one a document, best first.

        A document that is called what ``text`` names (an alert, a cause, a component) comes before others. ``namespaces``
        are those whose documents are looked at beside everybody's (``None``: all). With ``today``, documents that were
        last reviewed more than ``stale_days`` before are marked.
        """
        with self._reading():
            own = self._seen_by(namespaces)
            hits = self._hits(text, self._called(text), own)
            rows = [(self._row(one), hit) for one, hit in hits.items()]
        return _best(rows, limit, namespaces=namespaces, oldest=_oldest(today, stale_days))

    def fitting(
        self,
        text: str,
        limit: int = 10,
        *,
        within: Collection[str] | None = None,
        namespaces: Collection[str] | None = None,
        today: date | None = None,
        stale_days: int = STALE_DAYS,
    ) -> tuple[Found, ...]:
        """Return what ``search`` returns, but by meaning alone, or by words alone where no meaning is known.

        ``within`` are the addresses of the documents to choose from: each of them is found, with a score of 0 where
        nothing in it fits.
        """
        with self._reading():
            own = None if within is None else [one for address in within for one in self._at(address)]
            depth = DEPTH if own is None else len(own)
            meant = self.meaning.search(text, depth, within=own) if self.meaning and depth else ()
            by: By = "meaning" if meant else "words"
            hits = {hit.id: (hit.score, by) for hit in meant or self._words.search(text, depth, within=own)}
            hits |= {one: (0.0, "words") for one in own or () if one not in hits}
            rows = [(self._row(one), (score, (kind,))) for one, (score, kind) in hits.items()]
        return _best(rows, limit, namespaces=namespaces, oldest=_oldest(today, stale_days))

    def _called(self, text: str) -> dict[int, NameKind]:
        """Return the documents that are called what ``text`` names, those of alerts first."""
        keys = msgspec.json.encode(list(dict.fromkeys(keys_in(text)))).decode()
        asked = "select document, kind from name where key in (select value from json_each(?)) order by kind, document"
        found: dict[int, NameKind] = {}
        for document, kind in self._connection.execute(asked, (keys,)):
            found.setdefault(document, kind)
        return found

    def _seen_by(self, namespaces: Collection[str] | None) -> tuple[int, ...] | None:
        """Return the passages that ``namespaces`` may see; ``None`` where that is all of them."""
        rows = self._connection.execute("select distinct namespace from document where namespace != ''").fetchall()
        hidden = [one for (one,) in rows if not visible(one, namespaces)]
        if not hidden:
            return None
        asked = (
            "select passage.id from passage join document on document.id = passage.document"
            " where namespace not in (select value from json_each(?))"
        )
        given = msgspec.json.encode(hidden).decode()
        return tuple(one for (one,) in self._connection.execute(asked, (given,)))

    def _hits(
        self, text: str, named: dict[int, NameKind], within: Collection[int] | None
    ) -> dict[int, tuple[float, tuple[By, ...]]]:
        """Return the passages found, best first, with their scores and what found them."""
        hits: dict[int, tuple[float, tuple[By, ...]]] = {}
        own = {one: document for document in named for one in self._of(document)}
        for one in (*(hit.id for hit in self._words.search(text, len(own), within=own)), *own) if own else ():
            hits.setdefault(one, (1.0, (named[own[one]],)))
        words = self._words.search(text, DEPTH, within=within)
        meaning = self.meaning.search(text, DEPTH, within=within) if self.meaning else ()
        for hit, by in _fused(words, meaning):
            hits.setdefault(hit.id, (min(hit.score, 0.99), by))
        return hits

    def _at(self, address: str) -> list[int]:
        row = self._connection.execute("select id from document where address = ?", (address,)).fetchone()
        return self._of(row[0]) if row else []

    def _of(self, document: int) -> list[int]:
        rows = self._connection.execute("select id from passage where document = ? order by id", (document,))
        return [one for (one,) in rows]

    def _row(self, passage: int) -> Row | None:
        asked = (
            "select document.id, address, namespace, title, front, body from passage"
            " join document on document.id = passage.document where passage.id = ?"
        )
        row: Row | None = self._connection.execute(asked, (passage,)).fetchone()
        return row

    def _add(self, document: Document, namespace: str) -> None:
        front = msgspec.json.encode(document.front).decode()
        values = (document.address, namespace, READER, document.digest, document.title, document.format, front)
        made = self._connection.execute(
            "insert into document (address, namespace, reader, digest, title, format, front, passages)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            (*values, len(document.passages)),
        ).lastrowid
        names = names_of(document)
        self._connection.executemany(
            "insert into name values (?, ?, ?)", {(made, one.kind, key_of(one.text)) for one in names}
        )
        texts = tuple(dict.fromkeys(one.text for one in names))
        for passage in document.passages:
            body = msgspec.json.encode(passage).decode()
            one = self._connection.execute("insert into passage (document, body) values (?, ?)", (made, body)).lastrowid
            self._words.update([Indexed(id=one or 0, title=document.title, names=texts, passage=passage)], ())
            self._connection.executemany(
                "insert into fence values (?, ?, ?, ?)",
                [(made, fence.language, fence.line, fence.text) for fence in passage.fences],
            )

    def _forget(self, addresses: Collection[str]) -> int:
        known = 0
        for address in addresses:
            row = self._connection.execute("select id from document where address = ?", (address,)).fetchone()
            if row is None:
                continue
            self._words.update((), self._of(row[0]))
            for table in ("passage", "name", "fence"):
                self._connection.execute(f"delete from {table} where document = ?", row)
            self._connection.execute("delete from document where id = ?", row)
            known += 1
        return known

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, tables.told(self.path):
            yield self._connection

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._reading() as connection:
            connection.execute("begin immediate")
            try:
                yield
            except BaseException:
                connection.execute("rollback")
                raise
            connection.execute("commit")


def _oldest(today: date | None, stale_days: int) -> date | None:
    return today - timedelta(days=stale_days) if today else None


def _best(
    rows: Iterable[tuple[Row | None, tuple[float, tuple[By, ...]]]],
    limit: int,
    *,
    namespaces: Collection[str] | None,
    oldest: date | None,
) -> tuple[Found, ...]:
    """Return the first passage of each document that ``namespaces`` may see; what was reviewed before ``oldest`` is stale."""
    found: dict[int, Found] = {}
    for row, (score, by) in rows:
        if row is None:  # it went a moment ago; its meaning is known a little longer
            continue
        document, address, namespace, title, front_text, body = row
        if document in found or not visible(namespace, namespaces):
            continue
        passage, front = _passage(body), msgspec.json.decode(front_text, type=Front)
        found[document] = Found(
            title=title,
            headings=passage.headings,
            text=passage.text,
            address=placed(address, passage.line),
            score=round(score, 4),
            by=by,
            stale=bool(oldest and front.reviewed and front.reviewed < oldest),
        )
        if len(found) == limit:
            break
    return tuple(found.values())


def visible(namespace: str, namespaces: Collection[str] | None) -> bool:
    """Say whether somebody of ``namespaces`` (``None``: of all) may see what is of ``namespace``."""
    return namespaces is None or not namespace or all(one.strip() in namespaces for one in namespace.split(","))


def placed(address: str, line: int) -> str:
    """Return ``ADDRESS:LINE`` of a file; pages and documents without lines are their address."""
    return f"{address}:{line}" if line and "://" not in address else address


def _fused(words: tuple[Hit, ...], meaning: tuple[Hit, ...]) -> list[tuple[Hit, tuple[By, ...]]]:
    """Return the hits of both indexes by the sum of their reciprocal ranks; each keeps its better score."""
    if not meaning:
        return [(hit, ("words",)) for hit in words]
    ranks: dict[int, float] = {}
    scores: dict[int, float] = {}
    by: dict[int, tuple[By, ...]] = {}
    kinds: tuple[tuple[By, tuple[Hit, ...]], ...] = (("words", words), ("meaning", meaning))
    for kind, hits in kinds:
        for rank, hit in enumerate(hits):
            ranks[hit.id] = ranks.get(hit.id, 0.0) + 1 / (FUSED + rank + 1)
            scores[hit.id] = max(scores.get(hit.id, 0.0), hit.score)
            by[hit.id] = (*by.get(hit.id, ()), kind)
    ordered = sorted(ranks, key=lambda one: (-ranks[one], one))
    return [(Hit(id=one, score=scores[one]), by[one]) for one in ordered]


def _names(address: str, front: str) -> tuple[str, ...]:
    known = msgspec.json.decode(front, type=Front)
    document = Document(address=address, title="", format="text", digest="", front=known)
    return tuple(dict.fromkeys(one.text for one in names_of(document) if one.text))


def _passage(body: str) -> Passage:
    return msgspec.json.decode(body, type=Passage)
