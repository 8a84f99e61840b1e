"""Tells who uploads a runbook what is not taken from it, and what reports will say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta

from sre_orchestrator.api.blocks import CHECK, RULE
from sre_orchestrator.core.knowledge import CheckText, Document, Fence
from sre_orchestrator.core.redact import without_secrets
from sre_orchestrator.core.vocabulary import Vocabulary
from sre_orchestrator.rules.checks import read_checks

MOST, LONGEST = 20, 400  # notes, and characters of each
NO_RULE = (
    "this rule is not used: who uploads for some should not change the diagnoses of others;"
    " ingest the runbook beside the service: sre-orchestrator runbooks ingest FILE"
)


def remarks(
    document: Document, where: str, *, vocabulary: Callable[[], Vocabulary], today: date, stale_days: int
) -> Iterator[str]:
    """Yield what to know of a document that is uploaded: rules, checks that cannot be used, and that it is stale.

    ``vocabulary`` is asked only where there are checks. The days of a stale document are not counted, so that an upload
    that is repeated says the same.
    """
    for fence in (fence for passage in document.passages for fence in passage.fences):
        yield from _of_block(fence, f"{where}:{fence.line}" if fence.line else where, vocabulary)
    reviewed = document.front.reviewed
    if reviewed and reviewed < today - timedelta(days=stale_days):
        marked = f"more than {stale_days} days ago (knowledge.stale_days): reports mark it as stale"
        yield f"{where}: was last reviewed on {reviewed}, {marked}; review it, then change last_reviewed"


def bounded(notes: Iterable[str]) -> tuple[str, ...]:
    """Return notes without secrets, as many and as long as can be kept and shown."""
    told = tuple(dict.fromkeys(without_secrets(one).replace("\0", "")[:LONGEST] for one in notes))
    return told if len(told) <= MOST else (*told[:MOST], f"{len(told) - MOST} more notes")


def _of_block(fence: Fence, where: str, vocabulary: Callable[[], Vocabulary]) -> Iterator[str]:
    if fence.language == RULE:
        yield f"{where}: {NO_RULE}"
    elif fence.language == CHECK:
        _, problems = read_checks(CheckText(origin=where, text=fence.text), vocabulary())
        yield from (f"{one}; this check is left out" for one in problems)
