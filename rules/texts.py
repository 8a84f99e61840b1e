"""Rules that stand in runbooks: read, checked, tested and named after their document."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath

import msgspec

from sre_orchestrator.core.documents import line_of
from sre_orchestrator.core.errors import RuleError
from sre_orchestrator.core.knowledge import RuleText
from sre_orchestrator.core.models import Cause
from sre_orchestrator.core.vocabulary import Vocabulary
from sre_orchestrator.rules.check import check_rule
from sre_orchestrator.rules.model import Rule
from sre_orchestrator.rules.reader import Problem, read_rule
from sre_orchestrator.rules.testing import run_case

_PLACE = re.compile(r"^(?P<document>.*):(?P<line>\d+)$", re.DOTALL)
_OTHER = re.compile(r"[^a-z0-9]+")


def read_text_rule(one: RuleText, vocabulary: Vocabulary, causes: Mapping[str, Cause], book: Sequence[Rule]) -> Rule:
    """Read a rule of a runbook, check it, and run its tests with the rules of ``book`` that derive what it reads.

    Its id becomes ``DOCUMENT.ID``, so that it meets no rule of the built-in book.

    Raises:
        RuleError: with document and line, what is wrong; a test that fails is named.

    """
    document, line = place_of(one.origin)
    text = ("\n" * max(0, line - 1) + one.text).encode()  # so that messages name the line of the document
    rule, cases = read_rule(text, document)
    try:
        check_rule(rule, cases, vocabulary, causes)
    except Problem as problem:
        raise RuleError(f"{document}:{line_of(text, problem.where)}: {problem}") from None
    for case in cases:
        if wrong := run_case(rule, case, book):
            raise RuleError(f"{one.origin}: rule {rule.id!r} fails its test {case.name!r}: {wrong}")
    return msgspec.structs.replace(rule, id=f"{_stem(document)}.{rule.id}", path=one.origin)


def own_id(rule: Rule) -> str:
    """Return the id that a rule has in its document.

    >>> from sre_orchestrator.rules.model import Rule
    >>> own_id(Rule(id="cart.cache-full", title="", status="stable", why="", variants=(), then=()))
    'cache-full'
    """
    return rule.id.rpartition(".")[2]


def place_of(origin: str) -> tuple[str, int]:
    """Return document and line of an origin; without a line, as of a page on the web, 0.

    >>> place_of("runbooks/cart.md:12"), place_of("http://localhost:80")
    (('runbooks/cart.md', 12), ('http://localhost:80', 0))
    """
    found = None if "://" in origin else _PLACE.match(origin)
    return (found["document"], int(found["line"])) if found else (origin, 0)


def _stem(document: str) -> str:
    return _OTHER.sub("-", PurePath(document).stem.lower()).strip("-") or "runbook"
