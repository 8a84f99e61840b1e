"""Past incidents that were proved in the same way, and what people said of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import anyio
import msgspec
import pytest
from investigation import Notes
from postgres import fresh_database
from reports import KILLED, NOW, hypothesis, proof, report
from scripted import Scripted
from service import bundle_of

from sre_orchestrator.api.service.models import Arrival, Feedback, Reported
from sre_orchestrator.api.service.past import LONGEST, MOST, Remembering, remembered, root
from sre_orchestrator.api.service.store import Database, open_database
from sre_orchestrator.core.models import Hypothesis, Report, Runbook
from sre_orchestrator.core.pipeline import Bundle


@pytest.fixture
def store(tmp_path: Path) -> Database:
    return open_database("", tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def replicas(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Database, Database]]:
    url = fresh_database() if request.param == "postgresql" else ""
    with closing(open_database(url, tmp_path)) as one, closing(open_database(url, tmp_path)) as other:
        yield one, other


def bundle(*hypotheses: Hypothesis, namespace: str = "shop") -> Bundle:
    made = report(*(hypotheses or (hypothesis(),)))
    incident = msgspec.structs.replace(made.incident, id="now", namespace=namespace)
    return bundle_of(msgspec.structs.replace(made, incident=incident))


def was(
    store: Database,
    *hypotheses: Hypothesis,
    said: Feedback | None = None,
    namespace: str = "shop",
    answer: Report | None = None,
) -> str:
    reported = Reported(description="cart was killed", namespace=namespace)
    name = store.accept(Arrival(reported=reported, origin="api"), NOW).record.id
    store.claim(NOW, name)
    store.finish(name, bundle_of(answer) if answer else bundle(*hypotheses, namespace=namespace), NOW)
    if said:
        store.feedback(name, said, "eve", NOW)
    return name


def feedback(**changes: object) -> Feedback:
    first = hypothesis()
    values: dict[str, object] = {"cause": first.cause, "component": first.component, "right": True} | changes
    return Feedback(**values)  # type: ignore[arg-type]


def past(store: Database, *hypotheses: Hypothesis, namespace: str = "shop") -> tuple[Runbook, ...]:
    return remembered(bundle(*hypotheses, namespace=namespace), store, "now").report.hypotheses[0].runbooks


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


@pytest.mark.parametrize(
    ("namespace", "seen_from"),
    [
        ("pay", {"pay", "pay, shop", ""}),
        ("pay,shop", {"pay, shop", ""}),
        ("", {""}),  # it may show anything of the cluster
        ("sho", {""}),
    ],
)
def test_only_what_lies_within_the_namespaces_of_the_incident_is_told_by_whichever_replica(
    replicas: tuple[Database, Database], namespace: str, seen_from: set[str]
) -> None:
    one, other = replicas
    was(one, said=feedback(comment="our secret way"), namespace=namespace)

    told = {each for each in ("shop", "pay", "pay, shop", "") if past(other, namespace=each)}

    assert told == seen_from


def test_replicas_tell_the_last_word_of_any_of_them(replicas: tuple[Database, Database]) -> None:
    one, other = replicas
    name = was(one, said=feedback(right=False))
    other.feedback(name, feedback(comment="so it was"), "eve", NOW)

    assert [[told.passage for told in past(each)] for each in replicas] == [["This was right: so it was"]] * 2


@pytest.mark.parametrize("ruled_out", [False, True])
def test_what_was_said_of_another_hypothesis_than_the_first_is_told_by_the_proof_of_that_one(
    store: Database, *, ruled_out: bool
) -> None:
    second = hypothesis(cause="memory-leak", component="deployment/shop/web")
    other_proof = msgspec.structs.replace(proof("because", KILLED), rule="another-rule")
    answer = report(hypothesis(), second) if not ruled_out else report(hypothesis(), ruled_out=(second,))
    name = was(store, answer=answer, said=feedback(cause=second.cause, component=second.component))

    (found,) = past(store, second)

    assert found.address.endswith(name)
    assert found.title == "2030-05-01 deployment/shop/web: cart was killed"
    assert past(store, hypothesis()) == ()
    assert past(store, msgspec.structs.replace(second, proof=(other_proof,))) == ()


def test_of_two_hypotheses_of_a_cause_the_one_that_was_meant_counts(store: Database) -> None:
    other_proof = msgspec.structs.replace(proof("because", KILLED), rule="another-rule")
    web = hypothesis(component="deployment/shop/web", proof=(other_proof,))
    was(store, hypothesis(), web, said=feedback(component=web.component))

    assert past(store, hypothesis()) == ()
    assert len(past(store, web)) == 1


def test_a_best_guess_that_was_right_is_told(store: Database) -> None:
    was(store, answer=report(hypothesis(), verdict="unresolved"), said=feedback())

    assert len(past(store)) == 1


def test_an_incident_is_told_once_and_never_of_itself(store: Database) -> None:
    web = hypothesis(component="deployment/shop/web")
    name = was(store, hypothesis(), web, said=feedback())
    store.feedback(name, feedback(component=web.component, right=False), "eve", NOW)

    (found,) = past(store)

    assert found.passage == "This was right."  # of the same component
    assert remembered(bundle(), store, name) == bundle()


def test_what_is_investigated_again_or_forgotten_is_not_told(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    was(store, said=feedback())
    monkeypatch.setattr(Database, "get", lambda *_: None)

    assert past(store) == ()


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
    monkeypatch.delattr(Database, "last_words")
    second = anyio.run(remembering.investigate, "now", reported, Notes())

    assert first.report.hypotheses[0].runbooks[-1].past
    assert second == bundle()
