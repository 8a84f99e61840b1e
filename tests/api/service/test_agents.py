"""How agents are, as the latest investigations show."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from investigation import NOW
from reports import report
from service import bundle_of

from sre_orchestrator.api.service.agents import AgentHealth, health
from sre_orchestrator.api.service.models import Arrival, Happened, Reported
from sre_orchestrator.api.service.store import Database, open_database
from sre_orchestrator.core.models import Gap

BLIND = Gap(agent="logs", what="everything it looks at", why="no logs here")
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    found = open_database("", tmp_path)
    yield found
    found.close()


def investigated(store: Database, *told: str, gaps: tuple[Gap, ...] = (), at: datetime = NOW) -> None:
    """Keep an investigation in which agents said how they went."""
    name = store.accept(Arrival(reported=Reported(description="x"), origin="api"), at).record.id
    store.claim(at)
    for one in told:
        store.note(name, Happened(number=0, at=at, what="agent", text=one))
    store.finish(name, bundle_of(report(gaps=gaps)), at)


def test_an_agent_that_was_not_asked_is_not_known(store: Database) -> None:
    investigated(store, "logs asked")

    assert health(store) == {}


def test_an_agent_works_and_says_what_it_did_not_see(store: Database) -> None:
    gap = Gap(agent="logs", what="logs of pod/shop/cart-1", why="rotated away")
    investigated(store, "logs asked", "logs done", gaps=(gap, BLIND))

    assert health(store) == {"logs": AgentHealth(state="working", last_run=NOW, gaps=(gap, BLIND))}


def test_an_agent_that_fails_says_why(store: Database) -> None:
    investigated(store, "logs failed", "metrics failed", gaps=(BLIND,))

    found = health(store)

    assert (found["logs"].state, found["logs"].last_error, found["logs"].last_error_at) == (
        "failing", "no logs here", NOW,
    )  # fmt: skip
    assert found["metrics"].last_error == "it failed"


def test_what_went_wrong_before_is_remembered_when_it_works_again(store: Database) -> None:
    investigated(store, "logs failed", gaps=(BLIND,))
    investigated(store, "logs failed", "logs done", at=LATER)

    assert health(store)["logs"] == AgentHealth(
        state="working", last_run=LATER, last_error="no logs here", last_error_at=NOW
    )
