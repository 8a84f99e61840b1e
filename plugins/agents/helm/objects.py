"""What a revision changed in its objects, and what differs between a release and the live objects."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.helm.fields import Difference, Place, changes, drift
from sre_orchestrator.plugins.agents.helm.view import Lineage, View, identity
from sre_orchestrator.plugins.agents.reading import kubectl_get
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.objects.registry import KINDS
from sre_orchestrator.plugins.objects.workloads import HorizontalPodAutoscaler, Job

MOST = 20
WHOLE = Place(field="object")
SHORT_LIVED: tuple[type[Object], ...] = (Job,)  # a Job may be removed once it is done
_SECRET_NAME = re.compile(r"pass|secret|token|key|credential|auth", re.IGNORECASE)


def change_facts(view: View) -> Iterator[Fact]:
    """Yield what the newest revision changed, at most twenty fields a release; the kubernetes agent tells Deployments."""
    for lineage in view.lineages:
        if lineage.previous is None or not view.matters(lineage):
            continue
        found = [(here, one) for here, one in _changed(lineage) if not here.startswith("deployment/")]
        for here, one in found[:MOST]:
            yield view.about(
                "release.object_changed",
                lineage,
                here,
                query=_diff_command(lineage),
                release=lineage.component,
                previous_revision=lineage.previous.revision,
                field=one.place.field,
                container=one.place.container or None,
                item=one.place.item or None,
                before=_shown(one, one.before),
                after=_shown(one, one.after),
            )


def _changed(lineage: Lineage) -> Iterator[tuple[str, Difference]]:
    """Yield the component and difference of each change; objects are compared where both manifests were read."""
    new = {identity(one): one for one in lineage.newest.objects}
    old = {identity(one): one for one in lineage.previous.objects} if lineage.previous else {}
    for here in sorted({*new, *old} if new and old else ()):
        if here in new and here in old:
            yield from ((here, one) for one in changes(old[here], new[here]))
        else:
            sides = ("present" if here in old else None, "present" if here in new else None)
            yield here, Difference(place=WHOLE, before=sides[0], after=sides[1])


def drift_facts(view: View) -> Iterator[Fact]:
    """Yield where live objects are not as the deployed revision says, at most twenty fields a release."""
    for lineage in view.lineages:
        found = list(_drifted(view, lineage)) if lineage.newest.status == "deployed" else []
        for item, one in found[:MOST]:
            yield view.observe(
                "release.drift",
                identity(item),
                query=kubectl_get(KINDS[type(item)].kind, item.metadata.namespace, item.metadata.name),
                release=lineage.component,
                revision=lineage.newest.revision,
                field=one.place.field,
                container=one.place.container or None,
                item=one.place.item or None,
                released=_shown(one, one.before),
                live=_shown(one, one.after),
            )


def _drifted(view: View, lineage: Lineage) -> Iterator[tuple[Object, Difference]]:
    scaled = _scaled(view, lineage)
    for item in lineage.newest.objects:
        live = view.live[type(item)].get((item.metadata.namespace, item.metadata.name))
        if live is not None:
            for one in drift(item, live):
                if one.place.field != "replicas" or identity(item) not in scaled:
                    yield item, one
        elif view.complete(type(item), item.metadata.namespace) and not isinstance(item, SHORT_LIVED):
            yield item, Difference(place=WHOLE, before="present")


def _scaled(view: View, lineage: Lineage) -> set[str]:
    """Return what an autoscaler scales, live or released."""
    every = [*view.live[HorizontalPodAutoscaler].values(), *lineage.newest.objects]
    return {
        component_id(one.spec.scale_target_ref.kind, one.metadata.namespace, one.spec.scale_target_ref.name)
        for one in every
        if isinstance(one, HorizontalPodAutoscaler)
    }


def _shown(one: Difference, value: str | None) -> str | None:
    """Return a side of a difference, ``***`` where the variable or key is named like a secret."""
    hidden = one.place.field in {"env", "data"} and _SECRET_NAME.search(one.place.item)
    return "***" if hidden and value else value


def _diff_command(lineage: Lineage) -> str:
    newest = lineage.newest
    return f"helm get manifest {newest.name} -n {newest.namespace} --revision {newest.revision}"
