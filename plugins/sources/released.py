"""Keeps the component of each Helm release: there while an object belongs to it, and changed by each new revision."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Component, Struct
from sre_orchestrator.plugins.objects.config import ConfigMap, Secret
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.sources.telling import RELEASE

OWNER = "helm"
_NUMBER = re.compile(r"[0-9]{1,10}")


class Revision(Struct, frozen=True, kw_only=True):
    """What the labels of one of Helm's records say."""

    number: int
    status: str
    since: datetime | None


class Turn(Struct, frozen=True, kw_only=True):
    """A release that may be different: its id, and its component before and after."""

    name: str
    before: Component | None
    after: Component | None


class ReleaseComponents:
    """The releases that the objects seen so far tell of."""

    def __init__(self) -> None:
        self._members: Counter[str] = Counter()
        self._revisions: dict[str, dict[str, Revision]] = defaultdict(dict)

    def change(self, old: Object | None, new: Object | None) -> Iterator[Turn]:
        """Take note that ``old`` became ``new``, and yield the releases that this is about."""
        names = {name for one in (old, new) if one for name in (_member(one), _recorded(one)) if name}
        before = {name: self._component(name) for name in names}
        if names:
            self._forget(old)
            self._learn(new)
        for name in sorted(names):
            yield Turn(name=name, before=before[name], after=self._component(name))

    def _forget(self, item: Object | None) -> None:
        if item and (name := _member(item)):
            self._members[name] -= 1
        if item and (name := _recorded(item)):
            self._revisions[name].pop(item.metadata.name, None)

    def _learn(self, item: Object | None) -> None:
        if item and (name := _member(item)):
            self._members[name] += 1
        if item and (name := _recorded(item)):
            labels = item.metadata.labels
            self._revisions[name][item.metadata.name] = Revision(
                number=int(labels["version"]), status=labels.get("status", ""), since=item.metadata.creation_timestamp
            )

    def _component(self, name: str) -> Component | None:
        newest = max(self._revisions[name].values(), key=lambda one: one.number, default=None)
        if newest:
            return Component(
                id=name, attributes={"revision": newest.number, "status": newest.status}, since=newest.since
            )
        return Component(id=name) if self._members[name] else None


def _member(item: Object) -> str:
    """Return the release that an object says it belongs to, or ``""``."""
    release = item.metadata.annotations.get(RELEASE)
    return component_id("release", item.metadata.namespace, release) if release else ""


def _recorded(item: Object) -> str:
    """Return the release of which an object is a record of Helm's, or ``""``."""
    labels = item.metadata.labels
    if not isinstance(item, Secret | ConfigMap) or labels.get("owner") != OWNER:
        return ""
    known = labels.get("name") and _NUMBER.fullmatch(labels.get("version", ""))
    return component_id("release", item.metadata.namespace, labels["name"]) if known else ""
