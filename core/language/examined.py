"""What a model has shown that it can do: its examination, kept in ``STATE/models/DIGEST.json``."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import msgspec

STEPS = frozenset({"read", "ask", "narrate"})
UNEXAMINED = frozenset({"narrate"})
"""What a model may do that nobody examined: word what is there, since each sentence is checked."""
EDITION = 1
"""Which papers models are examined with, how, and asked in which words; one more where that changes: examine again.

``tests/api/examination/test_edition.py`` knows what an edition is made of."""
Examined = Callable[[str], frozenset[str] | None]
"""Return the steps that the model of a digest has passed, or ``None`` if it was not examined."""
DIGEST = re.compile(r"[\w.-]{1,200}")
"""What digests of models look like, so that they can be names of files."""


class Examination(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a stored examination that decides; there may be more in the file."""

    edition: int
    digest: str
    passed: tuple[str, ...]


def examined_in(folder: Path) -> Examined:
    """Return who looks into the examinations that are kept in ``folder``.

    One that cannot be read is none, and neither is one of another model or edition.
    """

    def examined(digest: str) -> frozenset[str] | None:
        if not DIGEST.fullmatch(digest):
            return None
        try:
            found = msgspec.json.decode((folder / f"{digest}.json").read_bytes(), type=Examination)
        except (OSError, msgspec.DecodeError, UnicodeError, RecursionError):
            return None
        if (found.edition, found.digest) != (EDITION, digest):
            return None
        return STEPS.intersection(found.passed)

    return examined
