"""The service's parts together, for one process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from sre_orchestrator.api.service.dispatch import utc_now
from sre_orchestrator.api.service.models import Arrival, Feedback, Reported
from sre_orchestrator.api.service.past import hypotheses_of, of_report
from sre_orchestrator.api.service.ports import Accepted, Background, Dispatcher, Store
from sre_orchestrator.api.service.twins import Nowhere, Twins
from sre_orchestrator.api.wiring import Installation, trials
from sre_orchestrator.core.bundle import bundle_from
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.redact import without_secrets
from sre_orchestrator.rules.whynot import Trial

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
CLOCKS_DIFFER = timedelta(hours=1)
SHOWN = 5  # hypotheses that are named where another one was meant
MOST_TEXT, MOST_NAME = 4000, 253  # of what is reported: a mask may be longer than the secret


@dataclass(frozen=True, kw_only=True)
class Service:
    """What handlers work with; every method blocks, and may be called from any thread."""

    installation: Installation
    store: Store
    dispatcher: Dispatcher
    twins: Twins = field(default_factory=Nowhere)
    background: tuple[Background, ...] = ()
    now: Callable[[], datetime] = utc_now

    def accept(self, arrival: Arrival) -> Accepted:
        """Keep an arrival, without secrets; whoever calls this wakes the dispatcher.

        Raises:
            InputError: it happened in the future or in another century, or its key was used for something else.

        """
        now, at = self.now(), arrival.reported.at
        if at and not EARLIEST <= at <= now + CLOCKS_DIFFER:
            raise InputError(f"at {at.isoformat()}: is no time of an incident; give one between {EARLIEST:%Y} and now")
        key = arrival.idempotency_key  # a header, of which nobody needs more than that it is the same
        clean = msgspec.structs.replace(
            arrival, reported=_clean(arrival.reported), idempotency_key=_digest(key) if key else ""
        )
        return self.store.accept(clean, now)

    def resolve(self, incident_id: str) -> None:
        """Note that an incident is over."""
        self.store.resolve(incident_id, self.now())

    def feedback(self, incident_id: str, feedback: Feedback, caller: str = "") -> None:
        """Keep what a person says of a hypothesis, without secrets.

        Raises:
            InputError: there is no report yet, or no such hypothesis in it.

        """
        feedback = self._named(incident_id, feedback)
        comment, actual = without_secrets(feedback.comment), without_secrets(feedback.actual_cause)
        clean = msgspec.structs.replace(feedback, comment=comment[:MOST_TEXT], actual_cause=actual[:MOST_NAME])
        self.store.feedback(incident_id, clean, caller, self.now())

    def why_not(self, incident_id: str, cause: str, component: str) -> tuple[Trial, ...]:
        """Return why ``cause`` was not concluded for ``component``.

        Raises:
            InputError: there is no investigation yet, no such cause or component.

        """
        kept = self.store.bundle(incident_id)
        if kept is None:
            raise InputError(f"incident {incident_id} has no investigation yet; ask when its status is done")
        return trials(self.installation, bundle_from(kept, incident_id), cause, component)

    def _named(self, incident_id: str, feedback: Feedback) -> Feedback:
        """Return feedback that names the hypothesis that it means."""
        view = self.store.get(incident_id)
        if view is None or view.report is None:
            raise InputError(
                f"incident {incident_id} has no report yet; say what you think of it when its status is done"
            )
        if meant := of_report(view.report, feedback):
            return msgspec.structs.replace(feedback, cause=meant.cause, component=meant.component)
        there = [f"{one.cause} {one.component}" for one in hypotheses_of(view.report)[:SHOWN]]
        if not (there or feedback.right or feedback.cause or feedback.component):
            return feedback  # nothing was found, and of that they say what it was
        named = f"{feedback.cause} {feedback.component}".strip()
        remedy = f"name one of {', '.join(there)}" if there else "it has none"
        raise InputError(f"hypothesis {named!r}: is not in the report; {remedy}")


def _clean(reported: Reported) -> Reported:
    """Return what is reported as it may be kept, shown and sent on: people paste log lines into it."""
    return msgspec.structs.replace(
        reported,
        description=without_secrets(reported.description)[:MOST_TEXT],
        namespace=without_secrets(reported.namespace)[:MOST_NAME],
        cluster=without_secrets(reported.cluster)[:MOST_NAME],
        labels={without_secrets(name): without_secrets(value) for name, value in reported.labels.items()},
    )


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()
