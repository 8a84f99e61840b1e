"""Keeps an investigation in a file, and reads it back for a replay."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

import msgspec

from sre_orchestrator.core.cite import cite
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.gather import Observations
from sre_orchestrator.core.models import Check, Coverage, Fact, Hypothesis, Report, Runbook
from sre_orchestrator.core.pipeline import Bundle, Reasoning, answer
from sre_orchestrator.core.ports import Around
from sre_orchestrator.core.vocabulary import Vocabulary, nearest

FORMAT = 1
MAX_BYTES = 512 * 1024**2
_DECODER = msgspec.json.Decoder(Bundle)


def write_bundle(bundle: Bundle, path: Path) -> None:
    """Write ``bundle`` as gzipped JSON; the same bundle gives the same bytes.

    Raises:
        InputError: the file cannot be written.

    """
    try:
        path.write_bytes(bundle_bytes(bundle))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}; choose another place") from error


def bundle_bytes(bundle: Bundle) -> bytes:
    """Return what ``write_bundle`` writes."""
    return gzip.compress(msgspec.json.encode(bundle), mtime=0)


def read_bundle(path: Path) -> Bundle:
    """Read what ``write_bundle`` wrote.

    Raises:
        InputError: the file is missing, damaged, too large, or of another format.

    """
    try:
        with path.open("rb") as file:
            return _read(file, str(path), MAX_BYTES)
    except OSError as error:
        raise InputError(f"{path}: is no bundle: {error}; write one with diagnose --save-bundle") from error


def bundle_from(content: bytes, where: str, most: int = MAX_BYTES) -> Bundle:
    """Return the bundle of which ``bundle_bytes`` gave ``content``; errors say ``where`` it is from.

    It may unpack to ``most`` bytes.

    Raises:
        InputError: it is damaged, too large, or of another format.

    """
    return _read(io.BytesIO(content), where, most)


def _read(packed: IO[bytes], where: str, most: int) -> Bundle:
    try:
        with gzip.open(packed) as file:
            text = file.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{where}: is no bundle: {error}; write one with diagnose --save-bundle") from error
    if len(text) > most:
        raise InputError(f"{where}: holds more than {most} bytes; such a bundle is not read")
    try:
        bundle = _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{where}: is no bundle: {error}; write one with diagnose --save-bundle") from error
    if bundle.format != FORMAT:
        raise InputError(
            f"{where}: has format {bundle.format}, this program reads {FORMAT}; use the version that wrote it"
        )
    return bundle


def replay(bundle: Bundle, parts: Reasoning, *, without: Sequence[str] = (), plus: Iterable[Fact] = ()) -> Bundle:
    """Conclude again from what was observed, less the facts ``without``, and with the facts ``plus``.

    With the rule book that made the bundle, and nothing added or taken away, the report has the
    same bytes: measured times and costs are part of the bundle, and so are the runbooks that were found and what a
    model said.

    Raises:
        InputError: a fact to leave out is not in the bundle, or one to add is not in the vocabulary.

    """
    facts = {fact.id: fact for fact in bundle.seen.facts}
    for name in without:
        if facts.pop(name, None) is None:
            raise InputError(f"there is no fact {name!r} in the bundle{nearest(name, facts)}; see facts in the report")
    facts |= {fact.id: _known(fact, parts.vocabulary) for fact in plus}
    seen = Observations(
        facts=tuple(facts[name] for name in sorted(facts)),
        coverage=bundle.seen.coverage,
        gaps=bundle.seen.gaps,
        agents_ms=bundle.seen.agents_ms,
    )
    told = Told(bundle.report)
    as_told = replace(parts, knowledge=told, guide=told)
    report = answer(bundle.scope, seen, bundle.edges, bundle.cost, as_told)
    return msgspec.structs.replace(bundle, seen=seen, report=_worded(report, bundle.report))


class Told:
    """The runbooks that a report told of, and how their checks stood."""

    def __init__(self, report: Report) -> None:
        self._runbooks = {(one.cause, one.component): one.runbooks for one in report.hypotheses}

    def advise(self, hypothesis: Hypothesis, around: Around) -> tuple[Runbook, ...]:
        """Return what was found for the same cause and component."""
        del around
        return self._runbooks.get((hypothesis.cause, hypothesis.component), ())

    def guided(
        self, hypothesis: Hypothesis, facts: Mapping[str, Fact], coverage: Sequence[Coverage]
    ) -> tuple[Runbook, ...]:
        """Return the runbooks with their checks, which are open where what they found is not there any more."""
        del coverage
        return tuple(
            msgspec.structs.replace(one, checks=tuple(_as_told(check, facts) for check in one.checks))
            for one in hypothesis.runbooks
        )


def _as_told(check: Check, facts: Mapping[str, Fact]) -> Check:
    left = tuple(fact for fact in check.facts if fact in facts)
    if check.facts and not left:
        return Check(label=check.label, state="unknown", why="concluded again without what it found")
    return msgspec.structs.replace(check, facts=left)


def _worded(report: Report, before: Report) -> Report:
    """Return ``report`` in the words that a model found ``before``, if nothing else is different."""
    words = {"narrative": before.narrative, "suggestions": before.suggestions, "versions": before.versions}
    same = msgspec.structs.replace(report, **words) == before
    return cite(before) if same and before.versions.model else report


def _known(fact: Fact, vocabulary: Vocabulary) -> Fact:
    if complaint := vocabulary.complaint(fact):
        raise InputError(f"--with {fact.kind}: {complaint}")
    return fact
