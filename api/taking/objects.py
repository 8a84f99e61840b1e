"""Records the lists of one kind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from sre_orchestrator.core.models import Gap
from sre_orchestrator.plugins.objects.config import Namespace
from sre_orchestrator.plugins.objects.events import Event
from sre_orchestrator.plugins.objects.nodes import Lease
from sre_orchestrator.plugins.objects.registry import KINDS, Listed
from sre_orchestrator.plugins.sources.k8s.raw import DEFINITIONS, RawPage, RawReader, Restarted
from sre_orchestrator.plugins.sources.ports import EVERYWHERE
from sre_orchestrator.plugins.sources.snapshot.layouts import SupportBundle
from sre_orchestrator.plugins.sources.snapshot.lists import read_listing
from sre_orchestrator.plugins.sources.snapshot.raw import RawObject, objects_in
from sre_orchestrator.plugins.sources.snapshot.recording import AGENT, Lists, Recording, is_name
from sre_orchestrator.plugins.sources.snapshot.redaction import RELEASE, pruned, redacted

Json = dict[str, Any]
ATTEMPTS = 3
# where the cluster keeps what tells of its nodes
BESIDE = {KINDS[Lease].plural: "kube-node-lease", KINDS[Event].plural: "default"}
_KNOWN = {(listed.group, listed.plural) for listed in KINDS.values()}


def record_kind(reader: RawReader, recording: Recording, listed: Listed, namespaces: Sequence[str]) -> None:
    """Record every list of a kind, or those of ``namespaces``, unless that is done; what is refused becomes a gap.

    Raises:
        WriteError: a file cannot be written.

    """
    part = listed.folders[0]
    if recording.is_done(part):
        return
    beside = BESIDE.get(listed.plural) if namespaces else None
    only = [*namespaces, *([beside] if beside and beside not in namespaces else [])]
    gaps = _changing(listed)
    for _ in range(ATTEMPTS):
        try:
            with recording.lists(listed) as lists:
                gaps = _record(reader, lists, listed, only)
            break
        except Restarted:
            continue
    # what agents do not read is missed by nobody
    recording.finish_part(part, gaps if (listed.group, listed.plural) in _KNOWN else ())


def custom_kinds(root: Path) -> list[Listed]:
    """Return the kinds that the recorded definitions define, without those that are recorded anyway."""
    found = []
    for one in objects_in(SupportBundle(root), DEFINITIONS.folders[0]):
        listed = _custom(one.value) if isinstance(one, RawObject) else None
        if listed and (listed.group, listed.plural) not in _KNOWN:
            found.append(listed)
    return found


def namespaces_in(root: Path) -> tuple[str, ...]:
    """Return the namespaces that are recorded."""
    return tuple(one.metadata.name for one in read_listing(SupportBundle(root), Namespace).items)


def _record(reader: RawReader, lists: Lists, listed: Listed, only: Sequence[str]) -> list[Gap]:
    gaps: list[Gap] = []
    versions: dict[str, str] = {}
    for page in reader.pages(listed, only):
        if isinstance(page, Gap):
            gaps.append(page)
            continue
        versions[page.scope] = page.api_version
        if page.scope != EVERYWHERE:
            lists.begin(page.scope, page.api_version)
        gaps += _add(lists, listed, page)
    if EVERYWHERE in versions and not gaps:
        # an empty list of what belongs to no namespace says that none was left out
        lists.begin(EVERYWHERE, versions[EVERYWHERE])
    return gaps


def _add(lists: Lists, listed: Listed, page: RawPage) -> list[Gap]:
    odd = 0
    for raw in page.items:
        item = _named(raw)
        namespace = str(item["metadata"].get("namespace") or "") if item else ""
        if item is None or (listed.namespaced and namespace and not is_name(namespace)):
            odd += 1
            continue
        if page.names_only:
            item = {"metadata": item["metadata"], "type": RELEASE, "data": {"release": ""}}
        place = namespace if listed.namespaced and namespace else EVERYWHERE
        lists.begin(place, page.api_version)
        lists.add(place, msgspec.json.encode(redacted(pruned(item, listed.kind), listed.kind)))
    return [_odd(listed, odd)] if odd else []


def _named(raw: msgspec.Raw) -> Json | None:
    """Return an object, ``None`` for what has no name."""
    try:
        item = msgspec.json.decode(raw, type=Json)
    except (msgspec.DecodeError, RecursionError):
        return None
    metadata = item.get("metadata")
    return item if isinstance(metadata, dict) and metadata.get("name") else None


def _custom(definition: Json) -> Listed | None:
    spec = definition.get("spec")
    names = spec.get("names") if isinstance(spec, dict) else None
    if not isinstance(spec, dict) or not isinstance(names, dict):
        return None
    group, plural, kind = str(spec.get("group")), str(names.get("plural")), str(names.get("kind"))
    if not all(map(is_name, (group, plural, kind))):
        return None
    return Listed(
        kind=kind,
        plural=plural,
        group=group,
        folders=(f"custom-resources/{plural}.{group}",),
        namespaced=spec.get("scope") != "Cluster",
    )


def _odd(listed: Listed, count: int) -> Gap:
    return Gap(
        agent=AGENT,
        what=f"all {listed.plural}",
        why=f"{count} of them have no name, or a namespace that cannot be the name of a file",
        remedy=f"kubectl get {listed.plural} --all-namespaces",
    )


def _changing(listed: Listed) -> list[Gap]:
    return [
        Gap(
            agent=AGENT,
            what=f"all {listed.plural}",
            why=f"the list expired {ATTEMPTS} times while it was read",
            remedy="record again with a larger cluster.page_size",
        )
    ]
