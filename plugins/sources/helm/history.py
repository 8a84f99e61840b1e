"""Puts the history of releases together: from payloads where contents are read, else from labels, else from objects."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice

import msgspec

from sre_orchestrator.core.models import Gap
from sre_orchestrator.plugins.objects.config import ConfigMap, Secret
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.network import Ingress, Service
from sre_orchestrator.plugins.objects.workloads import CronJob, DaemonSet, Deployment, Job, StatefulSet
from sre_orchestrator.plugins.sources.helm.payload import BadPayload, release_of, stored
from sre_orchestrator.plugins.sources.ports import (
    ClusterObjects,
    Listing,
    Release,
    ReleaseHistory,
    ReleaseRecord,
    ReleaseRecordList,
)
from sre_orchestrator.plugins.sources.telling import RELEASE

AGENT = "helm"
OWNER = "helm"
GOOD = frozenset({"deployed", "superseded"})
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,51}[a-z0-9])?")  # as Helm takes them: they go into suggested commands
RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"
CHART = "helm.sh/chart"
APP_VERSION = "app.kubernetes.io/version"
TELLING: tuple[type[Object], ...] = (
    Deployment, StatefulSet, DaemonSet, CronJob, Job, Service, Ingress, ConfigMap,
)  # fmt: skip
_NUMBER = re.compile(r"[0-9]{1,10}")
RBAC = 'Role in namespace {}: {{apiGroups: [""], resources: ["secrets"], verbs: [get, list, watch]}}'


def read_releases(records: ReleaseRecordList) -> ReleaseHistory:
    """Return the revisions that ``records`` tell of, newest first within a release.

    A record that cannot be decoded is known by its labels, and a gap names it.
    """
    gaps = list(records.gaps)
    items: list[Release] = []
    for newest_first in _by_release(records.items):
        two = _newest_and_good(newest_first)
        items += [_release(record, gaps, with_objects=record in two) for record in newest_first]
    gaps += _unread(compared(records.items))
    return ReleaseHistory(items=tuple(items), complete_in=records.complete_in, gaps=tuple(gaps))


def compared(records: Iterable[ReleaseRecord]) -> list[ReleaseRecord]:
    """Return those whose contents matter: the newest of each release, and the newest before it that went well."""
    return [record for newest_first in _by_release(records) for record in _newest_and_good(newest_first)]


async def labelled(cluster: ClusterObjects, namespaces: Sequence[str]) -> ReleaseRecordList:
    """Return the records as lists without contents show them: names and labels."""
    secrets, config_maps = await cluster.list(Secret), await cluster.list(ConfigMap)
    found = [*_records(secrets, "Secret", namespaces), *_records(config_maps, "ConfigMap", namespaces)]
    return ReleaseRecordList(items=tuple(found), complete_in=secrets.complete_in)


async def told_by_objects(cluster: ClusterObjects, namespaces: Sequence[str]) -> Sequence[Release]:
    """Return the releases that live objects say they belong to; their revision and status nobody says."""
    found: dict[tuple[str, str], Release] = {}
    for kind in TELLING:
        for item in (await cluster.list(kind)).items:
            if item.metadata.namespace in namespaces and _NAME.fullmatch(item.metadata.annotations.get(RELEASE, "")):
                one = _told(item)
                known = found.get((one.namespace, one.name))
                if known is None or (one.chart and not known.chart):
                    found[one.namespace, one.name] = one
    return [found[key] for key in sorted(found)]


def with_charts(items: Sequence[Release], told: Sequence[Release]) -> tuple[Release, ...]:
    """Return ``items`` with the charts that objects tell where only labels were read, and the releases only they tell."""
    lacking = {(one.namespace, one.name): one for one in told}
    found = []
    for one in items:
        other = lacking.pop((one.namespace, one.name), None)  # the newest revision comes first, and objects are of it
        found.append(one if one.whole or other is None else _with_chart(one, other))
    return (*found, *lacking.values())


def _with_chart(one: Release, told: Release) -> Release:
    return msgspec.structs.replace(
        one, chart=told.chart, chart_version=told.chart_version, app_version=told.app_version
    )


def _by_release(records: Iterable[ReleaseRecord]) -> Iterator[Sequence[ReleaseRecord]]:
    """Yield the records of each release, newest first, in the order of the releases' names."""
    found: dict[tuple[str, str], list[ReleaseRecord]] = defaultdict(list)
    for record in records:
        if _NAME.fullmatch(record.labels.get("name", "")):
            found[record.namespace, record.labels["name"]].append(record)
    for key in sorted(found):
        yield sorted(found[key], key=_revision, reverse=True)


def _newest_and_good(newest_first: Sequence[ReleaseRecord]) -> Sequence[ReleaseRecord]:
    good = (one for one in newest_first[1:] if one.labels.get("status") in GOOD)
    return (*newest_first[:1], *islice(good, 1))


def _release(record: ReleaseRecord, gaps: list[Gap], *, with_objects: bool) -> Release:
    if record.payload is not None:
        try:
            found = release_of(stored(record.payload), record, with_objects=with_objects)
            return msgspec.structs.replace(found, updated_at=_updated(record, found.last_deployed))
        except BadPayload as problem:
            gaps.append(_undecoded(record, str(problem)))
        except RecursionError:
            gaps.append(_undecoded(record, "is nested too deeply"))
    begun = record.created_at or _modified(record.labels)
    return Release(
        namespace=record.namespace,
        name=record.labels["name"],
        revision=_revision(record),
        status=record.labels.get("status", ""),
        last_deployed=begun,
        updated_at=_updated(record, begun),
    )


def _updated(record: ReleaseRecord, begun: datetime | None) -> datetime | None:
    """Return when the state was last written; the label has whole seconds, and no revision ends before it begins."""
    return max(filter(None, (_modified(record.labels), begun)), default=None)


def _revision(record: ReleaseRecord) -> int:
    text = record.labels.get("version", "")
    return int(text) if _NUMBER.fullmatch(text) else 0


def _modified(labels: Mapping[str, str]) -> datetime | None:
    text = labels.get("modifiedAt", "")
    return datetime.fromtimestamp(int(text), UTC) if _NUMBER.fullmatch(text) else None


def _records(listing: Listing[Object], kind: str, namespaces: Sequence[str]) -> Iterator[ReleaseRecord]:
    for item in listing.items:
        meta = item.metadata
        if meta.labels.get("owner") == OWNER and meta.namespace in namespaces:
            yield ReleaseRecord(
                namespace=meta.namespace,
                name=meta.name,
                kind=kind,
                labels=meta.labels,
                created_at=meta.creation_timestamp,
            )


def _told(item: Object) -> Release:
    labels, annotations = item.metadata.labels, item.metadata.annotations
    chart, version = split_chart(labels.get(CHART, ""))
    return Release(
        namespace=annotations.get(RELEASE_NAMESPACE) or item.metadata.namespace,
        name=annotations[RELEASE],
        chart=chart,
        chart_version=version,
        app_version=labels.get(APP_VERSION, "") if chart else "",
    )


def split_chart(text: str) -> tuple[str, str]:
    """Return name and version of a label such as ``my-shop-0.3.0-rc.1``.

    >>> split_chart("my-shop-0.3.0-rc.1"), split_chart("shop")
    (('my-shop', '0.3.0-rc.1'), ('shop', ''))
    """
    parts = text.split("-")
    for place, part in enumerate(parts[1:], 1):
        if part[:1].isdigit() or (part[:1] == "v" and part[1:2].isdigit()):
            return "-".join(parts[:place]), "-".join(parts[place:])
    return text, ""


def _undecoded(record: ReleaseRecord, why: str) -> Gap:
    where = f"{record.kind.lower()} {record.name} -n {record.namespace}"
    return Gap(
        agent=AGENT,
        what=f"revision {_revision(record)} of release {record.labels['name']} in {record.namespace}",
        why=f"the payload of {record.kind} {record.name} {why}",
        remedy=f"kubectl get {where} -o yaml",
    )


def _unread(records: Iterable[ReleaseRecord]) -> Iterator[Gap]:
    """Yield that contents of records were not read, once a namespace."""
    for namespace in sorted({one.namespace for one in records if one.payload is None}):
        yield Gap(
            agent=AGENT,
            what=f"values, manifests and hooks of the Helm releases in {namespace}",
            why="only the labels of Helm's records were read",
            remedy=f"set helm_history: true; {RBAC.format(namespace)}",
        )


def unlisted(namespace: str) -> Gap:
    """Return that the history of the releases in a namespace is unknown."""
    return Gap(
        agent=AGENT,
        what=f"revisions and states of the Helm releases in {namespace}",
        why="Secrets cannot be listed there; releases are known by the labels of their objects only",
        remedy=RBAC.format(namespace),
    )
