"""The resources that are served: names, groups and versions of the API's kinds."""

from __future__ import annotations

from typing import Any

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.objects.registry import CUSTOM, KINDS, Listed

Json = dict[str, Any]
"""An object as it is on the wire: every kind is served, also those that no struct describes."""

VERSIONS = {"autoscaling": ("v2",), "networking.istio.io": ("v1", "v1beta1"), "gateway.networking.k8s.io": ("v1",)}
SHORT_NAMES = {
    "configmaps": "cm",
    "cronjobs": "cj",
    "customresourcedefinitions": "crd crds",
    "daemonsets": "ds",
    "deployments": "deploy",
    "endpoints": "ep",
    "events": "ev",
    "horizontalpodautoscalers": "hpa",
    "ingresses": "ing",
    "limitranges": "limits",
    "namespaces": "ns",
    "networkpolicies": "netpol",
    "nodes": "no",
    "persistentvolumeclaims": "pvc",
    "persistentvolumes": "pv",
    "poddisruptionbudgets": "pdb",
    "pods": "po",
    "replicasets": "rs",
    "replicationcontrollers": "rc",
    "resourcequotas": "quota",
    "serviceaccounts": "sa",
    "services": "svc",
    "statefulsets": "sts",
    "storageclasses": "sc",
}
ALL = frozenset(
    {
        "cronjobs",
        "daemonsets",
        "deployments",
        "horizontalpodautoscalers",
        "jobs",
        "pods",
        "replicasets",
        "services",
        "statefulsets",
    }
)


class Column(Struct, frozen=True, kw_only=True):
    """A column that a custom resource definition asks clients to print."""

    name: str
    type: str
    path: str
    priority: int = 0


class Resource(Struct, frozen=True, kw_only=True):
    """One kind as the API lists it; ``versions`` are served alike, the first is preferred."""

    kind: str
    plural: str
    group: str = ""
    versions: tuple[str, ...] = ("v1",)
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()

    @property
    def qualified(self) -> str:
        """Return the name with its group: ``deployments.apps``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def api_version(self, version: str) -> str:
        """Return ``apps/v1``, or ``v1`` in the core group."""
        return f"{self.group}/{version}" if self.group else version


def known_resources() -> list[Resource]:
    """Return what every store serves: the kinds that sources read, without those of programs that few clusters have."""
    return [_known(listed) for kind, listed in KINDS.items() if kind not in CUSTOM]


def guessed(api_version: str, kind: str, *, namespaced: bool, plural: str = "") -> Resource:
    """Return the resource of a kind that nothing describes, its plural by the rule of the API's own generator."""
    group, _, version = api_version.rpartition("/")
    lower = kind.lower()
    if not plural and lower.endswith("y") and lower[-2:-1] not in "aeiou":
        plural = lower[:-1] + "ies"
    plural = plural or lower + ("es" if lower.endswith(("s", "x", "ch", "sh")) else "s")
    short = tuple(SHORT_NAMES.get(plural, "").split())
    return Resource(
        kind=kind, plural=plural, group=group, versions=(version,), namespaced=namespaced, short_names=short
    )


def defined(definition: Json) -> Resource | None:
    """Return the resource that a CustomResourceDefinition defines, ``None`` where it says too little."""
    spec = _map(definition.get("spec"))
    names = _map(spec.get("names"))
    versions = [one for one in _list(spec.get("versions")) if isinstance(one, dict) and one.get("name")]
    served = tuple(str(one["name"]) for one in versions if one.get("served", True))
    if not (names.get("plural") and names.get("kind") and spec.get("group") and served):
        return None
    return Resource(
        kind=str(names["kind"]),
        plural=str(names["plural"]),
        group=str(spec["group"]),
        versions=served,
        namespaced=spec.get("scope") != "Cluster",
        short_names=tuple(map(str, _list(names.get("shortNames")))),
        categories=tuple(map(str, _list(names.get("categories")))),
        columns=tuple(
            _column(one) for one in _list(versions[0].get("additionalPrinterColumns")) if isinstance(one, dict)
        ),
    )


def _map(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _known(listed: Listed) -> Resource:
    return Resource(
        kind=listed.kind,
        plural=listed.plural,
        group=listed.group,
        versions=VERSIONS.get(listed.group, ("v1",)),
        namespaced=listed.namespaced,
        short_names=tuple(SHORT_NAMES.get(listed.plural, "").split()),
        categories=("all",) if listed.plural in ALL else (),
    )


def _column(spec: Json) -> Column:
    return Column(
        name=str(spec.get("name", "")),
        type=str(spec.get("type", "string")),
        path=str(spec.get("jsonPath", "")),
        priority=int(spec.get("priority") not in (None, 0)),
    )
