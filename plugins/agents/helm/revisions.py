"""Revisions of releases, what failed or never ended, hooks, and the values that changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Fact
from sre_orchestrator.plugins.agents.helm.failures import failure_of, operation_of
from sre_orchestrator.plugins.agents.helm.view import Lineage, View, identity
from sre_orchestrator.plugins.agents.reading import kubectl_describe
from sre_orchestrator.plugins.objects.workloads import Job
from sre_orchestrator.plugins.sources.ports import Release

MOST = 20
UNENDED = re.compile(r"pending-(?:install|upgrade|rollback)|uninstalling")
HOOK = "helm.sh/hook"
INSTANCE = "app.kubernetes.io/instance"
ENDED = frozenset({"Complete", "Failed"})


def revision_facts(view: View) -> Iterator[Fact]:
    """Yield the newest revision of each release that matters now, and the others that came in the window."""
    for lineage in view.lineages:
        for place, one in enumerate(lineage.revisions):
            if (not place and view.matters(lineage)) or view.in_window(one.last_deployed):
                yield _revision(view, lineage, one, lineage.revisions[place + 1 :])


def _revision(view: View, lineage: Lineage, one: Release, older: tuple[Release, ...]) -> Fact:
    before = next((other for other in older if other.status in {"deployed", "superseded"}), None)
    return view.observe(
        "release.revision",
        lineage.component,
        query=f"helm history {one.name} -n {one.namespace}",
        at=one.last_deployed,
        revision=one.revision or None,
        status=one.status or None,
        chart=one.chart or None,
        chart_version=one.chart_version or None,
        app_version=one.app_version or None,
        previous_revision=before.revision if before else None,
        previous_chart_version=(before.chart_version or None) if before else None,
        previous_app_version=(before.app_version or None) if before else None,
        description=one.description or None,
    )


def failed_facts(view: View) -> Iterator[Fact]:
    """Yield the releases whose newest revision failed, where that matters now."""
    for lineage in view.lineages:
        newest = lineage.newest
        if newest.status == "failed" and view.matters(lineage):
            yield view.about(
                "release.failed",
                lineage,
                query=f"helm status {newest.name} -n {newest.namespace}",
                at=newest.updated_at,
                operation=operation_of(newest.description),
                failure=failure_of(newest.description) if newest.whole else None,
                description=newest.description or None,
                deployed_revision=lineage.deployed_revision,
            )


def pending_facts(view: View) -> Iterator[Fact]:
    """Yield the releases on which an operation began that has not ended."""
    for lineage in view.lineages:
        newest = lineage.newest
        if UNENDED.fullmatch(newest.status):
            yield view.about(
                "release.pending",
                lineage,
                query=f"helm status {newest.name} -n {newest.namespace}",
                status=newest.status,
                for_seconds=view.seconds_since(newest.last_deployed),
                hook_active=_hook_active(view, newest),
                deployed_revision=lineage.deployed_revision,
            )


def hook_facts(view: View) -> Iterator[Fact]:
    """Yield the hooks that failed, as Helm noted it, else as their Jobs show it; not the tests that people run."""
    told: set[str] = set()
    for lineage in view.lineages:
        newest = lineage.newest
        for hook in newest.hooks:
            here = component_id(hook.kind, newest.namespace, hook.name)
            told.add(here)
            if hook.phase == "Failed" and _acts(hook.events) and view.matters(lineage):
                yield view.about(
                    "release.hook_failed",
                    lineage,
                    here,
                    query=kubectl_describe(hook.kind, newest.namespace, hook.name),
                    at=hook.completed_at or hook.started_at,
                    release=lineage.component,
                    events=" ".join(hook.events),
                )
    for item in view.live[Job].values():
        known = item.metadata.namespace in view.scope.namespaces and identity(item) not in told
        if isinstance(item, Job) and known and HOOK in item.metadata.annotations:
            yield from _of_job(view, item)


def _of_job(view: View, job: Job) -> Iterator[Fact]:
    failed = next((one for one in job.status.conditions if one.type == "Failed" and one.status == "True"), None)
    events = job.metadata.annotations[HOOK].replace(",", " ").split()
    if failed is None or not _acts(events) or not view.in_window(failed.last_transition_time):
        return
    owner = component_id("release", job.metadata.namespace, job.metadata.labels.get(INSTANCE, ""))
    yield view.observe(
        "release.hook_failed",
        identity(job),
        query=kubectl_describe("job", job.metadata.namespace, job.metadata.name),
        at=failed.last_transition_time,
        release=owner if any(one.component == owner for one in view.lineages) else None,
        events=" ".join(events),
    )


def _acts(events: Sequence[str]) -> bool:
    """Say whether a hook runs when Helm changes something."""
    return any(event.startswith(("pre-", "post-")) for event in events)


def _hook_active(view: View, newest: Release) -> bool:
    """Say whether a Job that is a hook of this release, by record or by annotation and label, has not ended."""
    noted = {hook.name for hook in newest.hooks}
    return any(
        isinstance(job, Job) and job.metadata.namespace == newest.namespace and not _ended(job)
        for job in view.live[Job].values()
        if job.metadata.name in noted
        or (HOOK in job.metadata.annotations and job.metadata.labels.get(INSTANCE) == newest.name)
    )


def _ended(job: Job) -> bool:
    return any(one.type in ENDED and one.status == "True" for one in job.status.conditions)


def value_facts(view: View) -> Iterator[Fact]:
    """Yield the values that the newest revision sets otherwise than the one before, at most twenty a release."""
    for lineage in view.lineages:
        newest, previous = lineage.newest, lineage.previous
        if previous is None or not (lineage.whole and view.matters(lineage)):
            continue
        keys = [key for key in sorted({*newest.values, *previous.values}) if _differs(key, newest, previous)]
        for key in keys[:MOST]:
            yield view.about(
                "release.value_changed",
                lineage,
                query=f"helm get values {newest.name} -n {newest.namespace} --revision {newest.revision}",
                key=key,
                before=previous.values.get(key),
                after=newest.values.get(key),
                previous_revision=previous.revision,
            )


def _differs(key: str, newest: Release, previous: Release) -> bool:
    return newest.values.get(key) != previous.values.get(key)
