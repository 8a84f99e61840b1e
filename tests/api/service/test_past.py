"""Past incidents that were proved in the same way, and what people said of them."""

from __future__ import annotations

from pathlib import Path

import anyio
import msgspec
import pytest
from investigation import Notes
from reports import KILLED, NOW, hypothesis, proof, report
from scripted import Scripted
from service import bundle_of

from sre_orchestrator.api.service.models import Arrival, Feedback, Reported
from sre_orchestrator.api.service.past import LONGEST, MOST, Remembering, remembered, root
from sre_orchestrator.api.service.store import Database, open_database
from sre_orchestrator.core.models import Hypothesis, Runbook
from sre_orchestrator.core.pipeline import Bundle


@pytest.fixture
def store(tmp_path: Path) -> Database:
    return open_database("", tmp_path)


def bundle(*hypotheses: Hypothesis, namespace: str = "shop") -> Bundle:
    made = report(*(hypotheses or (hypothesis(),)))
    incident = msgspec.structs.replace(made.incident, id="now", namespace=namespace)
    return bundle_of(msgspec.structs.replace(made, incident=incident))


def was(store: Database, *hypotheses: Hypothesis, said: Feedback | None = None, namespace: str = "shop") -> str:
    reported = Reported(description="cart was killed", namespace=namespace)
    name = store.accept(Arrival(reported=reported, origin="api"), NOW).record.id
    store.claim(NOW, name)
    store.finish(name, bundle(*hypotheses, namespace=namespace), NOW)
    if said:
        store.feedback(name, said, "eve", NOW)
    return name


def feedback(**changes: object) -> Feedback:
    first = hypothesis()
    values: dict[str, object] = {"cause": first.cause, "component": first.component, "right": True} | changes
    return Feedback(**values)  # type: ignore[arg-type]


def past(store: Database, *hypotheses: Hypothesis, namespace: str = "shop") -> tuple[Runbook, ...]:
    return remembered(bundle(*hypotheses, namespace=namespace), store).report.hypotheses[0].runbooks


def test_an_incident_with_the_same_proof_is_told_with_what_was_said(store: Database) -> None:
    name = was(store, said=feedback(comment="we raised the limit"))

    (found,) = past(store)

    assert found == Runbook(
        title="2030-05-01 deployment/shop/cart: cart was killed",
        passage="This was right: we raised the limit",
        address=f"/api/v1/incidents/{name}",
        by=("cause",),
        past=True,
    )


def test_what_was_wrong_says_what_it_was(store: Database) -> None:
    was(store, said=feedback(right=False, actual_cause="memory-leak"))

    assert past(store)[0].passage == "This was wrong; it was memory-leak."


def test_the_last_word_counts(store: Database) -> None:
    name = was(store, said=feedback(right=False))
    store.feedback(name, feedback(comment="it was, after all"), "eve", NOW)

    assert past(store)[0].passage == "This was right: it was, after all"


def test_secrets_in_what_was_said_are_masked_and_it_is_short(store: Database) -> None:
    was(store, said=feedback(comment="password=hunter2-hunter2 " * 100))

    assert "hunter2" not in past(store)[0].passage
    assert len(past(store)[0].passage) <= LONGEST


@pytest.mark.parametrize(
    "other",
    [
        hypothesis(cause="probe-too-strict"),
        hypothesis(proof=(msgspec.structs.replace(proof("because", KILLED), rule="another-rule"),)),
        hypothesis(proof=()),
    ],
)
def test_another_cause_or_another_proof_is_not_the_same(store: Database, other: Hypothesis) -> None:
    was(store, other, said=feedback(cause=other.cause))

    assert past(store) == ()


def test_without_feedback_or_of_another_hypothesis_nothing_is_told(store: Database) -> None:
    was(store)
    was(store, said=feedback(cause="probe-too-strict"))

    assert past(store) == ()


def test_only_those_of_the_same_namespaces_are_told(store: Database) -> None:
    was(store, said=feedback(), namespace="pay")

    assert past(store, namespace="shop") == ()
    assert len(past(store, namespace="pay, shop")) == 1
    assert len(past(store, namespace="")) == 1


def test_at_most_three_are_told_those_of_the_same_component_first(store: Database) -> None:
    same = was(store, said=feedback())
    for _ in range(MOST + 1):
        was(store, hypothesis(component="deployment/shop/web"), said=feedback(component="deployment/shop/web"))

    found = past(store)

    assert len(found) == MOST
    assert found[0].address.endswith(same)


def test_weaker_proofs_beside_make_no_other_root() -> None:
    weak = msgspec.structs.replace(proof("beside", KILLED, strength="weak"), rule="weak-rule")

    assert root(hypothesis(proof=(proof("because", KILLED), weak))) == {"some-rule"}
    assert root(hypothesis(proof=())) == frozenset()


def test_an_investigation_comes_with_them_and_a_store_that_fails_costs_none(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    was(store, said=feedback())
    remembering = Remembering(Scripted(lambda _: bundle()), store)
    reported = Reported(description="cart is killed")

    first = anyio.run(remembering.investigate, "now", reported, Notes())
    monkeypatch.delattr(Database, "list")
    second = anyio.run(remembering.investigate, "now", reported, Notes())

    assert first.report.hypotheses[0].runbooks[-1].past
    assert second == bundle()
