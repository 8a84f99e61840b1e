"""How the agents are, from the latest investigations that the caller may see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from sre_orchestrator.api.service.models import IncidentRecord, Query
from sre_orchestrator.api.service.ports import Store
from sre_orchestrator.core.models import Gap, Struct

LOOKED_AT = 10  # investigations; each costs two reads of the database
ENDED = frozenset({"done", "failed"})


class AgentHealth(Struct, frozen=True, kw_only=True):
    """How an agent is: ``working`` or ``failing`` when it was last asked, or ``unasked`` in the latest investigations.

    ``gaps`` are what it could not see then; ``last_error`` is why it last failed, which may be over. Times are UTC.
    """

    state: Literal["working", "failing", "unasked"] = "unasked"
    last_run: datetime | None = None
    last_error: str = ""
    last_error_at: datetime | None = None
    gaps: tuple[Gap, ...] = ()


def health(store: Store) -> Mapping[str, AgentHealth]:
    """Return how the agents are that were asked in the latest investigations, by name."""
    found: dict[str, AgentHealth] = {}
    for record in store.list(Query(status="done", sort="-updated_at", limit=LOOKED_AT)).items:
        for name, run in _runs(store, record):
            known = found.setdefault(name, run)
            if run.last_error and not known.last_error:
                found[name] = msgspec.structs.replace(known, last_error=run.last_error, last_error_at=run.last_error_at)
    return found


def _runs(store: Store, record: IncidentRecord) -> Iterator[tuple[str, AgentHealth]]:
    """Return the last run of each agent in one investigation."""
    view = store.get(record.id)
    gaps = view.report.gaps if view and view.report else ()
    ended: dict[str, AgentHealth] = {}
    for step in store.happened(record.id):
        name, _, state = step.text.rpartition(" ")
        if step.what != "agent" or state not in ENDED:
            continue
        own = tuple(one for one in gaps if one.agent == name)
        failed = state == "failed"
        ended[name] = AgentHealth(
            state="failing" if failed else "working",
            last_run=step.at,
            last_error=(own[-1].why if own else "it failed") if failed else "",
            last_error_at=step.at if failed else None,
            gaps=own,
        )
    yield from ended.items()
