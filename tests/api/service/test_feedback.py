"""Feedback names a hypothesis of the report, by default the first."""

from __future__ import annotations

from pathlib import Path

import pytest
from reports import NOW, hypothesis, report
from scripted import Scripted
from service import bundle_of

from sre_orchestrator.api.service.dispatch import InProcess, Silent
from sre_orchestrator.api.service.models import Arrival, Feedback, Reported
from sre_orchestrator.api.service.service import Service
from sre_orchestrator.api.service.store import open_database
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Report
from sre_orchestrator.core.settings import Settings

FIRST = hypothesis()
WEB = hypothesis(component="deployment/shop/web")
LEAK = hypothesis(cause="memory-leak", component="deployment/shop/web")


@pytest.fixture
def service(tmp_path: Path) -> Service:
    installation = Installation(Settings(state_dir=str(tmp_path)))
    store = open_database("", tmp_path)
    dispatcher = InProcess(store, Scripted(lambda _: bundle_of()), Silent(), limits=installation.settings.service)
    return Service(installation=installation, store=store, dispatcher=dispatcher, now=lambda: NOW)


def incident(service: Service, answer: Report | None) -> str:
    """Return an incident with this report; with none, one that waits."""
    name = service.store.accept(Arrival(reported=Reported(description="x"), origin="api"), NOW).record.id
    if answer:
        service.store.claim(NOW)
        service.store.finish(name, bundle_of(answer), NOW)
    return name


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (Feedback(right=True), FIRST),
        (Feedback(right=True, cause=FIRST.cause), FIRST),
        (Feedback(right=True, component=WEB.component), WEB),
        (Feedback(right=True, cause=WEB.cause, component=WEB.component), WEB),
        (Feedback(right=True, cause=LEAK.cause), LEAK),
    ],
)
def test_it_is_kept_with_the_hypothesis_that_it_means(service: Service, said: Feedback, meant: object) -> None:
    name = incident(service, report(FIRST, WEB, ruled_out=(LEAK,)))

    service.feedback(name, said, "eve")

    (kept,) = service.store.said(name)
    assert [
        one
        for one in (FIRST, WEB, LEAK)
        if (one.cause, one.component) == (kept.feedback.cause, kept.feedback.component)
    ] == [meant]


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (Feedback(right=True, cause="gremlins"), "hypothesis 'gremlins': is not in the report; name one of memory-"),
        (
            Feedback(right=True, cause=LEAK.cause, component=FIRST.component),
            "'memory-leak deployment/shop/cart': is not",
        ),
    ],
)
def test_of_what_is_not_in_the_report_nothing_is_kept(service: Service, said: Feedback, says: str) -> None:
    name = incident(service, report(FIRST, LEAK))

    with pytest.raises(InputError, match=says):
        service.feedback(name, said)

    assert service.store.said(name) == []


def test_where_nothing_was_found_people_say_what_it_was(service: Service) -> None:
    name = incident(service, report())

    service.feedback(name, Feedback(right=False, actual_cause="memory-leak"), "eve")

    assert [one.feedback.actual_cause for one in service.store.said(name)] == ["memory-leak"]
    with pytest.raises(InputError, match="hypothesis '': is not in the report; it has none"):
        service.feedback(name, Feedback(right=True))


def test_before_there_is_a_report_nothing_can_be_said_of_it(service: Service) -> None:
    name = incident(service, None)

    with pytest.raises(InputError, match=f"incident {name} has no report yet"):
        service.feedback(name, Feedback(right=True))
