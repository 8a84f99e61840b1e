"""Finds past incidents that were proved as one is now, and about which somebody said whether that was right."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import anyio.to_thread
import msgspec
import structlog

from sre_orchestrator.api.service.models import Feedback, IncidentRecord, Query, Reported
from sre_orchestrator.api.service.ports import Investigator, Store
from sre_orchestrator.core.boundary import Failure, guarded
from sre_orchestrator.core.models import Hypothesis, Proof, Runbook
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.ports import Progress
from sre_orchestrator.core.redact import without_secrets
from sre_orchestrator.core.weigh import WEIGHT

ASKED, LOOKED_AT, MOST = 3, 50, 3  # hypotheses, incidents of the same cause, those that are told
LONGEST = 400  # characters of what somebody said
log = structlog.get_logger()


class Remembering:
    """Stands before an investigator, and adds what is remembered (``api.service.ports.Investigator``)."""

    def __init__(self, investigator: Investigator, store: Store) -> None:
        self._investigator = investigator
        self._store = store

    async def investigate(self, incident_id: str, reported: Reported, progress: Progress) -> Bundle:
        """Investigate, and add past incidents to the first hypotheses; a store that fails costs no report."""
        bundle = await self._investigator.investigate(incident_id, reported, progress)
        outcome = await anyio.to_thread.run_sync(guarded, partial(remembered, bundle, self._store))
        if isinstance(outcome, Failure):
            log.warning("past incidents cannot be looked for", why=outcome.why)
            return bundle
        return outcome.value


def remembered(bundle: Bundle, store: Store) -> Bundle:
    """Return the investigation with the past incidents that fit its first hypotheses, after the runbooks."""
    report = bundle.report
    hypotheses = tuple(
        msgspec.structs.replace(one, runbooks=(*one.runbooks, *_past(one, bundle, store)))
        for one in report.hypotheses[:ASKED]
    )
    hypotheses += report.hypotheses[ASKED:]
    return msgspec.structs.replace(bundle, report=msgspec.structs.replace(report, hypotheses=hypotheses))


def root(hypothesis: Hypothesis) -> frozenset[str]:
    """Return the rules of the strongest proofs: what an incident is known again by, beside its cause."""
    strongest = max(map(_strength, hypothesis.proof), default=0.0)
    return frozenset(proof.rule for proof in hypothesis.proof if _strength(proof) == strongest)


def _past(hypothesis: Hypothesis, bundle: Bundle, store: Store) -> list[Runbook]:
    """Return what was said of incidents like this one, those of the same component first, then the newest."""
    incident = bundle.report.incident
    query = Query(status="done", cause=hypothesis.cause, limit=LOOKED_AT, namespaces=incident.namespaces)
    alike = [one for one in store.list(query).items if one.id != incident.id]
    alike.sort(key=lambda one: one.component != hypothesis.component)
    found: list[Runbook] = []
    for record in alike:
        found += list(_told(record, hypothesis, store))[:1]
        if len(found) == MOST:
            break
    return found


def _told(record: IncidentRecord, hypothesis: Hypothesis, store: Store) -> Iterator[Runbook]:
    """Yield an incident with the last that was said of its first hypothesis, if that was proved in the same way."""
    said = [one for one in store.said(record.id) if one.feedback.cause == hypothesis.cause]
    view = store.get(record.id) if said else None
    if view is None or view.report is None:
        return
    first = next((one for one in view.report.hypotheses if one.cause == hypothesis.cause), None)
    if first is not None and root(first) == root(hypothesis):
        yield Runbook(
            title=f"{record.created_at:%Y-%m-%d} {first.component}: {record.reported.description}"[:LONGEST],
            passage=_words(said[-1].feedback),
            address=f"/api/v1/incidents/{record.id}",
            by=("cause",),
            past=True,
        )


def _words(feedback: Feedback) -> str:
    verdict = "This was right" if feedback.right else "This was wrong"
    actual = f"; it was {feedback.actual_cause}" if feedback.actual_cause else ""
    said = f": {feedback.comment}" if feedback.comment else "."
    return without_secrets(f"{verdict}{actual}{said}")[:LONGEST]


def _strength(proof: Proof) -> float:
    return WEIGHT[proof.strength] if proof.strength else 0.0
