"""What an incident shows around a hypothesis."""

from __future__ import annotations

from reports import KILLED, NOW, UNREADY, WORKLOAD, hypothesis, proof

from sre_orchestrator.core.around import around
from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.models import Fact, Hypothesis, Incident
from sre_orchestrator.core.ports import Around

observe = Observer("alerts")
INCIDENT = Incident(id="i1", description="CartErrors: cart answers 500", at=NOW, namespace="shop, pay")
URL = "https://runbooks.example.org/kube/kubepodcrashlooping/#diagnosis"
ALERT = observe("alert.firing", WORKLOAD, alert="KubePodCrashLooping", runbook_url=URL)


def seen(one: Hypothesis, *facts: Fact, first: bool = True) -> Around:
    return around(one, INCIDENT, {fact.id: fact for fact in facts}, first=first)


def test_the_incident_itself_belongs_to_the_first_hypothesis() -> None:
    first, second = seen(hypothesis()), seen(hypothesis(), first=False)

    assert (first.description, second.description) == ("CartErrors: cart answers 500", "")
    assert first.namespaces == second.namespaces == ("shop", "pay")
    assert first.at == NOW


def test_an_incident_of_the_whole_cluster_has_no_namespaces() -> None:
    everywhere = Incident(id="i1", description="slow", at=NOW)

    assert around(hypothesis(), everywhere, {}, first=True).namespaces == ()


def test_alerts_count_on_the_component_in_the_proof_and_among_what_is_explained() -> None:
    explained = observe("alert.firing", "deployment/shop/web", alert="WebErrors")
    proven = observe("alert.firing", "node/a", alert="NodePressure")
    elsewhere = observe("alert.firing", "deployment/shop/mail", alert="MailErrors")
    inner = proof("inner", proven)
    one = hypothesis(explains=(UNREADY.id, explained.id), proof=(proof("outer", KILLED, children=(inner,)),))

    found = seen(one, ALERT, KILLED, explained, proven, elsewhere)

    assert set(found.alerts) == {"WebErrors", "NodePressure", "KubePodCrashLooping", "kubepodcrashlooping"}


def test_the_component_and_the_services_before_it_are_named() -> None:
    refused = observe("probe.refused", "service/shop/cart-http")

    assert seen(hypothesis(explains=(refused.id,)), refused).components == ("cart", "cart-http")


def test_images_are_named_without_registry_tag_and_digest() -> None:
    images = ("quay.io/team/rabbitmq:3.12-management", "redis@sha256:00", "registry:5000/mysql", "postgres:15")
    facts = [observe("image.pull_failed", WORKLOAD, image=image) for image in images]
    server = observe("database.server", WORKLOAD, family="redis")

    assert sorted(seen(hypothesis(), *facts, server).images) == ["mysql", "postgres", "rabbitmq", "redis"]
