"""Objects of a small cluster for property tests: few names, labels and addresses, so that everything meets everything."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st
from shop import container, endpoints, node, patch, pod, service, thing, workload

from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.registry import KINDS

BY_KIND = {listed.kind: kind for kind, listed in KINDS.items()}
NAMES = st.sampled_from(["cart", "web"])
PLACES = st.sampled_from(["shop", "shop", "shop", "bank"])
VALUES = st.sampled_from(
    ["http://cart:80", "http://cart:80", "http://web.shop.svc:80", "nobody:80", "plain", "${HOST:cart}:80"]
)
LABELS = st.dictionaries(st.sampled_from(["app", "tier"]), st.sampled_from(["cart", "web"]), max_size=2)
Json = dict[str, Any]


def decoded(made: Json) -> Object:
    """Return the struct of a JSON object."""
    item: Object = msgspec.json.decode(msgspec.json.encode(made), type=BY_KIND[made["kind"]])
    return item


def scene() -> tuple[Object, ...]:
    """Return a service, and a workload that knows it from a ConfigMap, with a policy that limits it."""
    env = [{"name": "A_URL", "valueFrom": {"configMapKeyRef": {"name": "cart", "key": "URL"}}}]
    made = (
        service("cart"),
        workload("Deployment", "web", containers=[container(env=env)]),
        thing("ConfigMap", "cart", data={"URL": "http://cart:80"}),
        thing("NetworkPolicy", "web", spec={"podSelector": {"matchLabels": {"app": "web"}}}),
    )
    return tuple(map(decoded, made))


def _environment() -> st.SearchStrategy[list[Json]]:
    source = st.sampled_from(["configMapKeyRef", "secretKeyRef"])
    referred = st.builds(lambda kind, name: {"valueFrom": {kind: {"name": name, "key": "URL"}}}, source, NAMES)
    value = st.builds(lambda text: {"value": text}, VALUES)
    named = st.builds(lambda name, rest: {"name": name, **rest}, st.sampled_from(["A_URL", "B_HOST"]), value | referred)
    return st.lists(named, max_size=2)


@st.composite
def _specs(draw: st.DrawFn) -> Json:
    inside = container(env=draw(_environment()), volumeMounts=[{"name": "files", "mountPath": "/etc"}])
    if draw(st.booleans()):
        inside["envFrom"] = [{"configMapRef": {"name": draw(NAMES)}}]
    volume = draw(
        st.sampled_from([{"configMap": {"name": "cart"}}, {"secret": {"secretName": "db"}}, {"emptyDir": {}}])
    )
    return {"containers": [inside], "volumes": [{"name": "files", **volume}]}


@st.composite
def _pods(draw: st.DrawFn, name: str, place: str) -> Json:
    owner = draw(st.sampled_from([None, ("ReplicaSet", "cart"), ("Node", "node-a")]))
    made = pod(name, namespace=place, labels=draw(LABELS), owner=owner, node=draw(st.sampled_from(["", "node-a"])))
    phase = draw(st.sampled_from(["Running", "Pending"]))
    return patch(made, spec=draw(_specs()), status={"phase": phase})


@st.composite
def _workloads(draw: st.DrawFn, name: str, place: str) -> Json:
    kind = draw(st.sampled_from(["Deployment", "Deployment", "StatefulSet", "CronJob", "DaemonSet", "ReplicaSet"]))
    template = {"metadata": {"labels": draw(LABELS)}, "spec": draw(_specs())}
    if kind == "CronJob":
        return thing(kind, name, namespace=place, spec={"jobTemplate": {"spec": {"template": template}}})
    made = workload(kind, name, namespace=place, replicas=draw(st.integers(1, 2)))
    made["spec"]["template"] = template
    return patch(made, metadata={"annotations": draw(st.sampled_from([{}, {"meta.helm.sh/release-name": "shop-1"}]))})


@st.composite
def _selecting(draw: st.DrawFn, name: str, place: str) -> Json:
    if draw(st.booleans()):
        return patch(service(name, namespace=place), spec={"selector": None}) | {
            "spec": {"selector": draw(LABELS), "ports": [{"port": draw(st.integers(80, 81))}]}
        }
    expression = {
        "key": "tier",
        "operator": draw(st.sampled_from(["Exists", "DoesNotExist", "NotIn"])),
        "values": ["web"],
    }
    selector: Json = {"matchLabels": draw(LABELS)}
    if draw(st.booleans()):
        selector["matchExpressions"] = [expression]
    return thing("NetworkPolicy", name, namespace=place, spec={"podSelector": selector})


@st.composite
def _configs(draw: st.DrawFn, name: str, place: str) -> Json:
    return thing("ConfigMap", name, namespace=place, data={"URL": draw(VALUES), "B_PORT": "80"})


@st.composite
def _telling(draw: st.DrawFn, name: str, place: str) -> Json:
    other = draw(NAMES)
    made = draw(
        st.sampled_from(
            [
                thing("Secret", name, data={"URL": "aHVudGVyMg=="}),
                endpoints(name, ready=[other]),
                thing("PersistentVolumeClaim", name, spec={"volumeName": other}),
                thing("HorizontalPodAutoscaler", name, spec={"scaleTargetRef": {"kind": "Deployment", "name": other}}),
                thing("Ingress", name, spec={"defaultBackend": {"service": {"name": other}}}),
                thing("HTTPRoute", name, spec={"rules": [{"backendRefs": [{"name": other, "namespace": "bank"}]}]}),
                thing("VirtualService", name, spec={"http": [{"route": [{"destination": {"host": other}}]}]}),
                thing("ResourceQuota", name),
                thing("Event", name),
            ]
        )
    )
    return patch(made, metadata={"namespace": place})


@st.composite
def objects(draw: st.DrawFn) -> Object:
    """Return any object of the small cluster."""
    make = draw(st.sampled_from([_pods, _workloads, _workloads, _selecting, _selecting, _configs, _telling]))
    made = draw(make(draw(NAMES), draw(PLACES)))
    return decoded(draw(st.sampled_from([made, made, made, made, node("node-a")])))
