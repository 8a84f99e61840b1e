"""A model that was examined with other papers, or asked in other words, is examined again: the edition says so."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import msgspec

from sre_orchestrator.api.examination import marks, narrating
from sre_orchestrator.core.language import choosing, digest, reading
from sre_orchestrator.core.language import narrating as wording
from sre_orchestrator.core.language.examined import EDITION

PAPERS = ("texts.yaml", "questions.yaml", "reports.yaml")
EDITIONS = {1: "0d489b7f503b70a6"}
"""What each edition was made of; a line stays when there is a newer one."""


def made_of() -> str:
    """Return the digest of papers, prompts, the forms of answers, what models are shown, and what they have to reach."""
    papers = [(files("sre_orchestrator.api.examination") / name).read_bytes() for name in PAPERS]
    asked = [
        (one.PROMPT, one.COMPLETION_TOKENS, msgspec.json.schema(answer))
        for one, answer in ((reading, reading.Reading), (choosing, choosing.Order), (wording, wording.Narration))
    ]
    shown = [
        (reading.CHARACTERS, reading.MOST_COMPONENTS, reading.MOST_BYTES, reading.LOOKS_AT),
        (choosing.CLOSE, choosing.SHOWN),
        (digest.MOST_BYTES, digest.LONGEST, digest.FACTS, digest.BREADTHS),
    ]
    reached = [marks.CHANCE, marks.VALIDITY, narrating.PRECISION, narrating.RECALL]
    return hashlib.blake2b(msgspec.json.encode([papers, asked, shown, reached]), digest_size=8).hexdigest()


def test_what_examinations_are_made_of_changes_with_a_new_edition_only() -> None:
    assert EDITIONS.get(EDITION) == made_of(), (
        "papers or prompts changed: raise EDITION in core/language/examined.py, so that models are examined again, "
        f"and add {EDITION + 1}: {made_of()!r} to EDITIONS here (in place of the last line, if that was never released)"
    )


def test_the_edition_is_the_newest() -> None:
    assert max(EDITIONS) == EDITION
