"""Finds past incidents that were proved as one is now, and about which somebody said whether that was right."""

from __future__ import annotations

from functools import partial

import anyio.to_thread
import msgspec
import structlog

from sre_orchestrator.api.service.models import Feedback, Reported, Said
from sre_orchestrator.api.service.ports import Investigator, Store
from sre_orchestrator.core.boundary import Failure, guarded
from sre_orchestrator.core.models import Hypothesis, Proof, Report, Runbook
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.ports import Progress
from sre_orchestrator.core.redact import without_secrets
from sre_orchestrator.core.weigh import WEIGHT

ASKED, LOOKED_AT, MOST = 3, 50, 3  # hypotheses, what was said of the same cause, incidents that are told
LONGEST = 400  # characters of what somebody said
log = structlog.get_logger()


class Remembering:
    """Stands before an investigator, and adds what is remembered (``api.service.ports.Investigator``)."""

    def __init__(self, investigator: Investigator, store: Store) -> None:
        self._investigator = investigator
        self._store = store

    async def investigate(self, incident_id: str, reported: Reported, progress: Progress) -> Bundle:
        """Investigate, and add past incidents to the first hypotheses."""
        bundle = await self._investigator.investigate(incident_id, reported, progress)
        return await anyio.to_thread.run_sync(remembered, bundle, self._store, incident_id)


def remembered(bundle: Bundle, store: Store, own: str) -> Bundle:
    """Return the investigation with the past incidents that fit its first hypotheses, after the runbooks.

    ``own`` is the id of its incident, ``""`` where that is not stored yet. A store that fails costs no report.
    """
    outcome = guarded(partial(_remembered, bundle, store, own))
    if isinstance(outcome, Failure):
        log.warning("past incidents cannot be looked for", why=outcome.why)
        return bundle
    return outcome.value


def without_past(report: Report) -> Report:
    """Return a report without the past incidents that are told in it."""
    hypotheses = tuple(
        msgspec.structs.replace(one, runbooks=tuple(book for book in one.runbooks if not book.past))
        for one in report.hypotheses
    )
    return msgspec.structs.replace(report, hypotheses=hypotheses)


def root(hypothesis: Hypothesis) -> frozenset[str]:
    """Return the rules of the strongest proofs: what an incident is known again by, beside its cause."""
    strongest = max(map(_strength, hypothesis.proof), default=0.0)
    return frozenset(proof.rule for proof in hypothesis.proof if _strength(proof) == strongest)


def hypotheses_of(report: Report) -> tuple[Hypothesis, ...]:
    """Return all hypotheses of a report, best first, those that are ruled out last."""
    return (*report.hypotheses, *report.ruled_out)


def of_report(report: Report, feedback: Feedback) -> Hypothesis | None:
    """Return the hypothesis of a report that is meant, the best first; ``None`` where there is none like that."""
    return next(
        (
            one
            for one in hypotheses_of(report)
            if feedback.cause in {"", one.cause} and feedback.component in {"", one.component}
        ),
        None,
    )


def _remembered(bundle: Bundle, store: Store, own: str) -> Bundle:
    report = bundle.report
    hypotheses = tuple(
        msgspec.structs.replace(one, runbooks=(*one.runbooks, *_past(one, report, store, own)))
        for one in report.hypotheses[:ASKED]
    )
    hypotheses += report.hypotheses[ASKED:]
    return msgspec.structs.replace(bundle, report=msgspec.structs.replace(report, hypotheses=hypotheses))


def _past(hypothesis: Hypothesis, report: Report, store: Store, own: str) -> list[Runbook]:
    """Return what was said of incidents like this one, those of the same component first, then what was said last."""
    said = store.last_words(hypothesis.cause, limit=LOOKED_AT, namespaces=report.incident.namespaces)
    alike = [one for one in said if one.incident != own]
    alike.sort(key=lambda one: one.feedback.component != hypothesis.component)
    found: dict[str, Runbook] = {}
    for one in alike:
        if one.incident not in found and (told := _told(one, hypothesis, store)):
            found[one.incident] = told
        if len(found) == MOST:
            break
    return list(found.values())


def _told(said: Said, hypothesis: Hypothesis, store: Store) -> Runbook | None:
    """Return an incident with what was said of one of its hypotheses, if that was proved in the same way."""
    view = store.get(said.incident)
    if view is None or view.report is None:  # it is forgotten, or investigated again
        return None
    meant = of_report(view.report, said.feedback)
    if meant is None or root(meant) != root(hypothesis):
        return None
    return Runbook(
        title=f"{view.created_at:%Y-%m-%d} {meant.component}: {view.reported.description}"[:LONGEST],
        passage=_words(said.feedback),
        address=f"/api/v1/incidents/{view.id}",
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
