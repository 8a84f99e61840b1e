"""Looks at the tokens of their service accounts that pods get: for whom, for how long, or none at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sre_orchestrator.core.identity import component_id
from sre_orchestrator.core.models import Coverage, Fact
from sre_orchestrator.plugins.agents.auth.view import View, account_of
from sre_orchestrator.plugins.agents.reading import covered, kubectl_get
from sre_orchestrator.plugins.objects.pods import Pod
from sre_orchestrator.plugins.objects.rbac import AccountToken

PROJECTED, WITHHELD = "token.projected", "token.withheld"
# what the admission controller adds to every pod that wants the usual token
USUAL = "kube-api-access-"


def tokens(view: View) -> Iterator[Fact | Coverage]:
    """Yield the tokens that workloads mount beside the usual one, and which workloads get none."""
    switched = {
        (one.metadata.namespace, one.metadata.name): one.automount_service_account_token for one in view.accounts.items
    }
    for workload, pods in view.pods.items():
        pod = pods[0]
        namespace, account = pod.metadata.namespace, account_of(pod)
        query = kubectl_get("pod", namespace, pod.metadata.name)
        named = component_id("serviceaccount", namespace, account)
        for token in _own(pod):
            yield view.observe(
                PROJECTED,
                workload,
                query=query,
                account=named,
                audience=token.audience or None,
                expires_seconds=token.expiration_seconds,
                path=token.path or None,
                outlived=any(_outlived(one, token, view.scope.until) for one in pods),
            )
        if by := _withheld(pod, switched.get((namespace, account))):
            yield view.observe(WITHHELD, workload, query=query, account=named, by=by)
    yield from covered((PROJECTED,), view.pods_listed)
    yield from covered((WITHHELD,), view.pods_listed, view.accounts)


def _own(pod: Pod) -> Iterator[AccountToken]:
    for volume in pod.spec.volumes:
        for source in volume.projected.sources if volume.projected else ():
            token = source.service_account_token
            if token and (token.audience or not volume.name.startswith(USUAL)):
                yield token


def _outlived(pod: Pod, token: AccountToken, now: datetime) -> bool:
    """Say whether a container of a pod has run for longer than a token that it may have read at its start is good."""
    running = (one.state.running for one in pod.status.container_statuses)
    good = timedelta(seconds=token.expiration_seconds)
    return any(one.started_at and now - one.started_at > good for one in running if one)


def _withheld(pod: Pod, by_account: bool | None) -> str:
    """Return who says that a pod gets no token, ``""`` where it gets one or nobody says so."""
    projected = (source for one in pod.spec.volumes if one.projected for source in one.projected.sources)
    if any(source.service_account_token for source in projected):
        return ""
    if pod.spec.automount_service_account_token is not None:
        return "" if pod.spec.automount_service_account_token else "pod"
    return "account" if by_account is False else ""
