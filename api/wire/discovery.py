"""What a server says it serves: legacy and aggregated discovery."""

from __future__ import annotations

from collections.abc import Sequence

from sre_orchestrator.api.wire.resources import Json, Resource

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
READING = ("get", "list", "watch")
AUTHORIZATION = "authorization.k8s.io"
REVIEWS = ("SelfSubjectAccessReview", "SelfSubjectRulesReview")


def versions(resources: Sequence[Resource]) -> dict[str, tuple[str, ...]]:
    """Return the versions of each group, the preferred one first; the core group is ``""``."""
    found: dict[str, list[str]] = {AUTHORIZATION: ["v1"]}
    for one in resources:
        known = found.setdefault(one.group, [])
        known += [version for version in one.versions if version not in known]
    return {group: tuple(found[group]) for group in sorted(found)}


def core_versions() -> Json:
    """Return the answer of ``/api``."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def group_list(resources: Sequence[Resource]) -> Json:
    """Return the answer of ``/apis``."""
    groups = [group(name, found) for name, found in versions(resources).items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group(name: str, found: Sequence[str]) -> Json:
    """Return the answer of ``/apis/GROUP``."""
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in found]
    return {"kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": entries, "preferredVersion": entries[0]}


def resource_list(resources: Sequence[Resource], name: str, version: str) -> Json:
    """Return the answer of ``/api/v1`` and ``/apis/GROUP/VERSION``."""
    entries: list[Json] = []
    for one in resources:
        if one.group != name or version not in one.versions:
            continue
        entries.append(
            {
                "name": one.plural,
                "singularName": one.kind.lower(),
                "namespaced": one.namespaced,
                "kind": one.kind,
                "verbs": list(READING),
                "shortNames": list(one.short_names),
                "categories": list(one.categories),
            }
        )
        if one.qualified == "pods":
            log = {"name": "pods/log", "singularName": "", "namespaced": True, "kind": "Pod", "verbs": ["get"]}
            entries.append(log)
    if name == AUTHORIZATION:
        entries += [
            {"name": f"{kind.lower()}s", "singularName": "", "namespaced": False, "kind": kind, "verbs": ["create"]}
            for kind in REVIEWS
        ]
    listed = f"{name}/{version}" if name else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": listed, "resources": entries}


def aggregated(resources: Sequence[Resource], version: str, *, core: bool) -> Json:
    """Return all groups at once, as clients ask for since Kubernetes 1.26 (``v2beta1``) and 1.30 (``v2``)."""
    groups = [
        {
            "metadata": {"name": name, "creationTimestamp": None},
            "versions": [
                {"version": one, "freshness": "Current", "resources": _entries(resources, name, one)} for one in found
            ],
        }
        for name, found in versions(resources).items()
        if (name == "") is core
    ]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": groups,
    }


def _entries(resources: Sequence[Resource], name: str, version: str) -> list[Json]:
    found: list[Json] = []
    for entry in resource_list(resources, name, version)["resources"]:
        kind = {"group": name, "version": version, "kind": entry["kind"]}
        if "/" in entry["name"]:
            subresource = {"subresource": entry["name"].partition("/")[2], "responseKind": kind, "verbs": ["get"]}
            found[-1]["subresources"] = [subresource]
            continue
        found.append(
            {
                "resource": entry["name"],
                "responseKind": kind,
                "scope": "Namespaced" if entry["namespaced"] else "Cluster",
                "singularResource": entry["singularName"],
                "verbs": entry["verbs"],
                "shortNames": entry.get("shortNames", []),
                "categories": entry.get("categories", []),
            }
        )
    return found
