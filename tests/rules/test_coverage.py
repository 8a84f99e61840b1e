"""What the embedded tests cover: of a small book, and of the built-in one against the rows that it must tell apart."""

from __future__ import annotations

import msgspec
import pytest
from rulebook import CAUSES, read, rule_text

from sre_orchestrator.core.models import Cause
from sre_orchestrator.core.vocabulary import load_vocabulary
from sre_orchestrator.rules.book import builtin_rules, load_book, read_checked
from sre_orchestrator.rules.catalogue import yaml_files
from sre_orchestrator.rules.coverage import Covered, Pair, Written, cover

SUSPECTS = 'then: {derive: {kind: suspect, component: "{a.component}"}}'
STARVES = 'then: {cause: starved, component: "{a.component}", strength: weak, because: x}'
SPARES = 'then: {against: starved, component: "{a.component}", strength: strong, because: x}'
A = "component: pod/shop/a"
SILENT = "{name: silent, facts: [{kind: probe, component: x}], expect: []}"
ROWS = {
    "quota exceeded": "quota-cpu-exceeded quota-memory-exceeded quota-pods-exceeded quota-services-exceeded quota-storage-exceeded quota-objects-exceeded",
    "limit range violated": "limit-range-violated quota-requires-requests",
    "service account missing": "service-account-missing",
    "admission webhook down or refusing": "admission-webhook-down admission-policy-denied",
    "pod security refused": "pod-security-refused",
    "scaled to zero, suspended": "scaled-to-zero job-suspended",
    "rollout stuck or paused": "rollout-stuck rollout-paused",
    "HPA cannot scale": "autoscaler-cannot-scale",
    "insufficient resources": "cpu-capacity-insufficient memory-capacity-insufficient ephemeral-storage-capacity-insufficient extended-resource-insufficient node-pods-exhausted",
    "node selector or affinity mismatch": "node-selector-unsatisfied node-affinity-unsatisfied",
    "pod affinity, topology spread": "pod-affinity-unsatisfied pod-anti-affinity-conflict topology-spread-unsatisfiable",
    "taint not tolerated": "taint-not-tolerated",
    "nodes cordoned": "node-cordoned",
    "claims and volumes": "claim-missing claim-storage-class-mismatch claim-access-mode-mismatch claim-capacity-mismatch claim-selector-mismatch claim-without-volume volume-provisioning-failed volume-already-bound volume-node-conflict",
    "scheduler down": "scheduler-down",
    "not ready nodes make the cluster too small": "kubelet-down node-down",
    "image": "image-reference-wrong image-pull-denied registry-unresolvable registry-unreachable image-pull-rate-limited image-wrong-architecture",
    "references": "config-map-missing secret-missing",
    "volume cannot be mounted": "volume-permission-denied volume-multi-attach volume-mount-timeout volume-mount-failed root-refused",
    "first process": "command-not-found memory-limit-too-low-to-start",
    "init container": "init-container-failing init-container-waiting",
    "sandbox": "sandbox-network-failed pod-addresses-exhausted container-runtime-down",
    "memory and evictions": "memory-limit-too-low node-memory-pressure ephemeral-storage-exceeded memory-leak",
    "liveness probe": "liveness-probe-wrong-port liveness-probe-wrong-protocol liveness-probe-too-tight",
    "readiness probe": "readiness-probe-wrong-port readiness-probe-wrong-protocol readiness-probe-too-tight",
    "application error at start": "application-start-error application-configuration-wrong migration-failed application-crash",
    "port in use inside the pod": "port-conflict-in-pod",
    "database": "database-credentials-wrong database-address-wrong database-port-wrong database-missing database-connections-exhausted database-read-only disk-full database-locks database-replication-lag database-down",
    "dependency down": "dependency-unavailable",
    "certificate": "certificate-expired certificate-not-yet-valid certificate-name-mismatch certificate-authority-unknown",
    "401 and 403": "api-access-denied service-access-denied token-invalid clock-skew",
    "cpu": "cpu-throttled cpu-overload",
    "after a change": "configuration-changed release-broken",
    "service": "service-selector-mismatch service-port-mismatch service-protocol-mismatch service-missing",
    "address variable": "dependency-address-wrong",
    "DNS": "dns-resolution-failure cluster-dns-down",
    "network policy": "network-policy-denies",
    "ingress or gateway": "route-backend-missing ingress-class-missing gateway-misroute tls-secret-missing",
    "kube-proxy": "kube-proxy-down",
    "mesh": "mesh-sidecar-missing mesh-mtls-mismatch",
    "control plane": "scheduler-down controller-manager-down api-server-degraded etcd-degraded",
    "node pressure": "node-disk-pressure node-pid-pressure node-memory-pressure",
    "node network": "node-network-delay node-network-loss",
    "node drained, restarted": "node-drained node-restarted",
    "performance": "slow-dependency pod-network-delay node-cpu-overload",
}


def written(name: str, when: str, then: str, *tests: str) -> Written:
    return read(rule_text(when, then, name, f"tests: [{', '.join((*tests, SILENT))}]"), name)


def fires(cause: str, *facts: str) -> str:
    return f"{{name: fires, facts: [{', '.join(facts)}], expect: [{cause}]}}"


def covered(*book: Written) -> Covered:
    causes = {**CAUSES, "broken": msgspec.structs.replace(CAUSES["broken"], confused_with=("starved",))}
    return {one.cause: one for one in cover(book, causes)}["broken"]


BROKEN = written(
    "one",
    "all: {a: {kind: crash, reason: OOM}}",
    'then: {cause: broken, component: "{a.component}", strength: strong, because: x}',
    fires("broken", f"{{kind: crash, {A}, reason: OOM}}"),
    fires("broken @ pod/shop/a", f"{{kind: crash, {A}, reason: OOM, level: 2}}"),
)
STARVED = written("two", "all: {a: {kind: limit}}", STARVES, fires("starved", f"{{kind: limit, {A}}}"))


def test_a_cause_that_is_told_from_another_has_no_holes() -> None:
    starved = written(
        "two", "all: {a: {kind: crash, reason: Slow}}", STARVES, fires("starved", f"{{kind: crash, {A}, reason: Slow}}")
    )

    assert covered(BROKEN, starved) == Covered(
        cause="broken",
        rules=1,
        against=0,
        firing=2,
        silent=1,
        wordings=2,
        pairs=(Pair(cause="starved", forth="looked", back="looked"),),
    )


def test_rules_that_read_nothing_in_common_are_marked() -> None:
    assert covered(BROKEN, STARVED).pairs == (Pair(cause="starved", forth="unread", back="unread"),)


def test_what_a_derived_fact_comes_from_is_looked_at() -> None:
    derives = written(
        "three",
        "all: {a: {kind: crash}}",
        SUSPECTS,
        f"{{name: d, facts: [{{kind: crash, {A}}}], derives: [suspect], expect: []}}",
    )
    starved = written(
        "two", "all: {a: {kind: suspect, level: 1}}", STARVES, fires("starved", f"{{kind: suspect, {A}, level: 1}}")
    )

    assert covered(BROKEN, derives, starved).pairs[0].forth == "looked"


def test_another_cause_that_is_as_strong_is_a_hole_unless_something_speaks_against_it() -> None:
    starved = written(
        "two",
        "count: [{of: {kind: crash}, as: n, by: [component], gte: 1}]",
        'then: {cause: starved, component: "{n.component}", strength: strong, because: x}',
        fires("starved", f"{{kind: crash, {A}, reason: OOM}}"),
    )
    spared = written(
        "three",
        "all: {a: {kind: crash, reason: OOM}}",
        SPARES,
        f"{{name: s, facts: [{{kind: crash, {A}, reason: OOM}}], expect: [-starved]}}",
    )

    assert covered(BROKEN, starved).holes == (
        "no test shows broken where rules for starved look and stay below it: add one",
        "no test shows starved where rules for broken look and stay below it: add one",
    )
    assert covered(BROKEN, starved, spared).pairs[0].forth == "looked"


def test_one_wording_on_two_components_is_one() -> None:
    facts = [f"{{kind: crash, component: pod/shop/{name}, reason: OOM}}" for name in "ab"]
    thin = written(
        "one",
        "all: {a: {kind: crash}}",
        'then: {cause: broken, component: "{a.component}", strength: weak, because: x}',
        *(fires("broken", one) for one in facts),
    )

    assert covered(thin, STARVED).holes == ("1 of 2 wordings: add a firing test with other facts",)


def test_a_cause_without_rules_and_rules_without_silent_tests_are_holes() -> None:
    (alone,) = cover([], {"broken": Cause(id="broken", title="", category="", blamed_on="component")})
    loud = (BROKEN[0], BROKEN[1][:2])

    assert alone.holes == ("no rule concludes it: write one, or delete the cause",)
    assert covered(loud, STARVED).holes == ("no rule of it has a silent test: add a look-alike",)


@pytest.fixture(scope="module")
def built_in() -> dict[str, Covered]:
    vocabulary = load_vocabulary()
    causes = load_book(vocabulary).causes
    files = [file for folder in builtin_rules() for file in yaml_files(folder)]
    return {
        one.cause: one for one in cover([read_checked(text, path, vocabulary, causes) for path, text in files], causes)
    }


def test_the_built_in_book_has_no_holes(built_in: dict[str, Covered]) -> None:
    assert [f"{one.cause}: {hole}" for one in built_in.values() for hole in one.holes] == []


@pytest.mark.parametrize("row", ROWS)
def test_every_row_that_the_book_must_tell_apart_has_rules(row: str, built_in: dict[str, Covered]) -> None:
    assert [cause for cause in ROWS[row].split() if not built_in[cause].rules] == []


def test_every_cause_says_what_it_is_and_what_to_do() -> None:
    causes = load_book(load_vocabulary()).causes.values()

    assert [one.id for one in causes if not (one.about and one.symptoms and one.remedy and one.references)] == []
    assert [one.id for one in causes if not one.confused_with] == []
