"""The meanings of a library's passages: each embedded once, the beginnings of documents first, and searched."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from threading import Lock

from sre_orchestrator.core.errors import ModelError
from sre_orchestrator.core.language.ports import Embedder
from sre_orchestrator.plugins.knowledge.index import Hit, Indexed
from sre_orchestrator.plugins.knowledge.library import Library
from sre_orchestrator.plugins.knowledge.semantic import SemanticIndex, Text
from sre_orchestrator.plugins.knowledge.vectors import Progress, Vectors, VectorStore
from sre_orchestrator.plugins.knowledge.words import in_parts

MOST = 10_000  # passages; of more, the beginnings of documents alone are embedded: 10,000 take 3 seconds to load
MEANT = 300  # characters of a passage that are embedded, after its title and headings
NUL = "\0"  # what PostgreSQL keeps in no text


class Meaning:
    """Finds passages of ``library`` by meaning and words; safe to ask from several threads.

    ``store`` keeps what was embedded: work that was interrupted goes on where it ended, and another
    model begins anew. Passages that are not embedded yet are found by their words.
    """

    def __init__(self, library: Library, store: VectorStore, embedder: Embedder) -> None:
        self.library = library
        self._vectors = Vectors(store, embedder)
        self._index: SemanticIndex | None = None
        self._changing = Lock()
        self.progress = Progress()

    def load(self) -> None:
        """Take in the passages that the library holds, with the vectors that there are.

        Raises:
            InputError: txtai cannot be imported, or the store cannot be used.

        """
        self._build(tuple(_texts(self._indexed())))

    def embed(self) -> Iterator[Progress]:
        """Take in the passages that the library holds, and embed those that are not; this takes its time.

        Whoever stops asking for progress ends the work; what was embedded is kept, and found.

        Raises:
            ModelError: the model failed; what it embedded before is kept, and found.
            InputError: txtai cannot be imported, or the store cannot be used.

        """
        indexed = self._indexed()
        texts = tuple(_texts(indexed))
        beginnings = [text.meaning for text, first in zip(texts, _firsts(indexed), strict=True) if first]
        early = len(set(beginnings))
        try:
            for progress in self._vectors.embed([*beginnings, *(text.meaning for text in texts)]):
                self.progress = progress
                if early and progress.done >= early:
                    self._build(texts)
                    early = 0
                yield progress
        finally:
            self._build(texts)

    def search(self, text: str, limit: int, *, within: Collection[int] | None = None) -> tuple[Hit, ...]:
        """Return the passages that fit ``text``, best first, at most ``limit``; nothing where the model fails."""
        index = self._index
        if index is None:
            return ()
        found: tuple[Hit, ...] = ()
        with suppress(ModelError):
            most = limit if within is None else len(index)
            found = tuple(Hit(id=one.number, score=one.score) for one in index.search(text, most))
        return found if within is None else tuple(hit for hit in found if hit.id in within)[:limit]

    def close(self) -> None:
        """Give back memory."""
        self._put(None)

    def _indexed(self) -> tuple[Indexed, ...]:
        found: list[Indexed] = []
        while some := self.library.passages(after=found[-1].id if found else 0):
            found += some
        if len(found) > MOST:
            found = [one for one, first in zip(found, _firsts(found), strict=True) if first][:MOST]
        return tuple(found)

    def _build(self, texts: Sequence[Text]) -> None:
        vectors = self._vectors.known()
        self.progress = Progress(done=sum(one.meaning in vectors for one in texts), all=len(texts))
        self._put(SemanticIndex(texts, vectors, self._vectors.one))

    def _put(self, index: SemanticIndex | None) -> None:
        with self._changing:
            before, self._index = self._index, index
        if before:
            before.close()


def _texts(indexed: Sequence[Indexed]) -> Iterator[Text]:
    for one in indexed:
        headings = [heading for heading in one.passage.headings if heading != one.title]
        meaning = ". ".join((one.title, *headings, one.passage.text[:MEANT]))
        words = (one.title, *one.names, *one.passage.headings, one.passage.text)
        yield Text(number=one.id, meaning=" ".join(in_parts(meaning.replace(NUL, " ")).split()), words=" ".join(words))


def _firsts(indexed: Sequence[Indexed]) -> Iterator[bool]:
    """Yield whether a passage is the first of its document that says something."""
    begun: object = None
    for one in indexed:
        first = bool(one.passage.text) and (one.title, one.names) != begun
        begun = (one.title, one.names) if first else begun
        yield first
