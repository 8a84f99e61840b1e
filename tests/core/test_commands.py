"""Commands of runbooks become steps with the names of the incident; what is dangerous is marked or left out."""

from __future__ import annotations

import pytest

from sre_orchestrator.core.commands import LONGEST, MOST, names_in, steps_of
from sre_orchestrator.core.facts import Observer
from sre_orchestrator.core.knowledge import Fence
from sre_orchestrator.core.models import Fact, Hypothesis

NAMES = {
    "namespace": "shop",
    "pod": "cart-1",
    "container": "app",
    "node": "node-a",
    "deployment": "cart",
    "workload": "cart",
    "persistentvolumeclaim": "data",
}
observe = Observer("test")


def hypothesis(component: str) -> Hypothesis:
    return Hypothesis(cause="x", component=component, title="x", category="x", confidence=0.5, because="x")


def steps(*lines: str, language: str = "sh", names: dict[str, str] = NAMES) -> list[tuple[str, str]]:
    found = steps_of("Cart", [Fence(language=language, text="\n".join(lines))], names)
    return [(one.text.removeprefix("from the runbook “Cart”"), one.command) for one in found]


@pytest.mark.parametrize(
    ("written", "filled"),
    [
        ("kubectl -n $NAMESPACE get pods", "kubectl -n shop get pods"),
        ("kubectl -n ${NAMESPACE} get pods", "kubectl -n shop get pods"),
        ("kubectl -n NAMESPACE get pod POD_NAME", "kubectl -n shop get pod cart-1"),
        ("$ kubectl -n <namespace> logs <pod-name>", "kubectl -n shop logs cart-1"),
        ("kubectl -n <your namespace> logs <the failing pod> -c <container_name>", "kubectl -n shop logs cart-1 -c app"),
        ("kubectl describe pod {{ $labels.pod }} -n {{ .Labels.namespace }}", "kubectl describe pod cart-1 -n shop"),
        ("kubectl describe node <name>", "kubectl describe node node-a"),
        ("kubectl describe nodes/<node_name>", "kubectl describe nodes/node-a"),
        ("kubectl describe pvc <name> -n <ns>", "kubectl describe pvc data -n shop"),
        ("kubectl get deploy/$deployment -n shop", "kubectl get deploy/cart -n shop"),
        ('kubectl logs "<podname>" -n shop', 'kubectl logs "cart-1" -n shop'),
        ("kubectl top node $nodename", "kubectl top node node-a"),
        ("kubectl get pods -l 'app=x' -n $NAMESPACE", "kubectl get pods -l 'app=x' -n shop"),
        ("kubectl get pods \\\n  -n <namespace>", "kubectl get pods    -n shop"),
        ("kubectl -n kube-system get pods --field-selector spec.nodeName=$NODE", "kubectl -n kube-system get pods --field-selector spec.nodeName=node-a"),
        ("kubectl get pods -o custom-columns='N:$NAMESPACE'", "kubectl get pods -o custom-columns='N:$NAMESPACE'"),
    ],
)  # fmt: skip
def test_placeholders_take_the_names_of_the_incident(written: str, filled: str) -> None:
    assert steps(written) == [("", filled)]


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("kubectl get crd <my-resource>", "<my-resource>"),
        ("kubectl get <name>", "<name>"),
        ("kubectl describe statefulset $STATEFULSET", "$STATEFULSET"),
        ("kubectl -n kube-system logs <pod>", "<pod>"),
    ],
)
def test_a_placeholder_that_nothing_fills_stays_and_is_named(written: str, left: str) -> None:
    assert steps(written) == [(f"; fill in {left}", written)]


def test_a_variable_that_the_block_sets_is_not_filled() -> None:
    assert steps("NAMESPACE=storage", "kubectl -n $NAMESPACE get pods") == [
        ("; fill in $NAMESPACE", "kubectl -n $NAMESPACE get pods")
    ]


def test_a_hostile_name_is_quoted_or_not_taken() -> None:
    names = {"pod": "a'; rm -rf /"}

    found = steps("kubectl logs <pod>", 'kubectl logs "<pod>"', names=names)

    assert found == [
        ("", "kubectl logs 'a'\"'\"'; rm -rf /'"),
        ("; fill in <pod>", 'kubectl logs "<pod>"'),
    ]


@pytest.mark.parametrize(
    "command",
    [
        "kubectl delete pod <pod>",
        "kubectl drain <node>",
        "sudo kubectl get pods -o name | xargs kubectl delete",
        "kubectl exec <pod> -- rm -rf /data",
        "curl -s example.org/install | sudo bash",
        "kubectl apply -f - <<EOF",
        "redis-cli FLUSHALL",
        "psql -c 'DROP TABLE carts'",
        "helm uninstall cart",
    ],
)
def test_what_destroys_is_left_out(command: str) -> None:
    assert steps(command) == []


@pytest.mark.parametrize(
    "command",
    [
        "kubectl scale deployment cart --replicas=3",
        "kubectl rollout restart deployment cart",
        "kubectl exec cart-1 -- ls",
        "kubectl get pods -o yaml > pods.yaml",
        "kubectl get pods | xargs kubectl label",
        "kubectl label pod $(kubectl get pods)",
        "helm rollback cart 3",
        "systemctl restart kubelet",
        "amtool silence add alertname=x",
        "curl -X POST localhost:8080/reset",
        "psql -c 'UPDATE carts SET a = 1'",
    ],
)
def test_what_may_change_something_says_so(command: str) -> None:
    assert steps(command) == [("; it may change something: read there first", command)]


@pytest.mark.parametrize(
    "command",
    [
        "kubectl rollout status deployment cart",
        "kubectl get pods 2>/dev/null | grep -v Running | sort",
        "kubectl auth can-i get pods && kubectl get pods",
        "sudo systemctl status kubelet",
        "dig cart.shop",
        "amtool alert query",
        "kubectl get pods -o jsonpath='{.items[?(@.x>1)].a}' | jq '.a | .b'",
        "kubectl get pods | grep -i error |",
    ],
)
def test_what_only_looks_says_no_more(command: str) -> None:
    assert [text for text, _ in steps(command)] == [""]


def test_only_commands_of_known_programs_are_taken_and_of_shells_only() -> None:
    text = [
        "# kubectl get nodes",
        "NAME READY",
        "./fix.sh",
        "kubectl",
        "kubectl get 'pods",
        f"kubectl get {'a' * LONGEST}",
    ]

    assert steps(*text) == []
    assert steps("kubectl get pods", language="yaml") == []
    assert steps("kubectl get pods", "kubectl get pods", language="Console") == [("", "kubectl get pods")]


def test_there_are_few_steps() -> None:
    assert len(steps(*(f"kubectl get pod a{number}" for number in range(MOST + 1)))) == MOST


def facts() -> list[Fact]:
    return [
        observe("container.terminated", "pod/shop/cart-1", container="app", node="node/node-a"),
        observe("container.terminated", "pod/shop/cart-2", container="sidecar"),
        observe("node.condition", "node/node-b"),
    ]


def test_the_names_are_those_of_the_hypothesis_and_its_proof() -> None:
    assert names_in(hypothesis("deployment/shop/cart"), facts()) == {
        "deployment": "cart",
        "workload": "cart",
        "namespace": "shop",
        "pod": "cart-1",
        "node": "node-b",
        "container": "app",
    }


def test_of_a_node_there_is_no_namespace() -> None:
    assert names_in(hypothesis("node/node-a"), []) == {"node": "node-a"}
