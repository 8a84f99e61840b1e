"""Alerts of Alertmanager's API v2, each with the expression of its rule from Prometheus."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterable, Sequence

import msgspec

from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.models import Component, Edge, Gap
from sre_orchestrator.core.settings import Endpoint
from sre_orchestrator.plugins.sources.alert_list import ToldAlert
from sre_orchestrator.plugins.sources.discovery import Located, Mark, Wanted
from sre_orchestrator.plugins.sources.http import HttpService, ServiceProblem
from sre_orchestrator.plugins.sources.ports import Alert, ClusterObjects, Found
from sre_orchestrator.plugins.sources.prometheus.api import PrometheusApi, Raised, Rule
from sre_orchestrator.plugins.sources.prometheus.source import WANTED as PROMETHEUS
from sre_orchestrator.plugins.sources.prometheus.source import version_of as version_of_prometheus

PORTS = ("web", "http-web", "http", "9093", "80")
WANTED = Wanted(
    key="alertmanager",
    others="exporter|operator(?!ed)|webhook|bot|relay",
    prefixes=("", "/alertmanager"),
    marks=(
        Mark(label="operated-alertmanager", value="true", ports=PORTS),
        Mark(label="app.kubernetes.io/name", value="alertmanager|vmalertmanager", ports=PORTS),
        Mark(name="alertmanager(?:-main|-operated)?|.*-alertmanager|vmalertmanager.*", ports=PORTS),
    ),
)
EVERY_STATE = (("active", "true"), ("silenced", "true"), ("inhibited", "true"), ("unprocessed", "true"))


class _Version(msgspec.Struct):
    version: str = ""


class _About(msgspec.Struct, rename="camel"):
    version_info: _Version


class Alertmanager:
    """Alerts that fire, silenced and inhibited ones included."""

    name = "alertmanager"

    def __init__(self, endpoint: Endpoint, prometheus: Endpoint, cluster: ClusterObjects | None) -> None:
        self._located = Located(WANTED, endpoint, cluster, version_of)
        self._prometheus = Located(PROMETHEUS, prometheus, cluster, version_of_prometheus)
        self._gaps: dict[Gap, None] = {}
        self._lock = threading.Lock()

    async def sync(self) -> AsyncIterator[Component | Edge | Gap]:
        """Yield nothing: it knows no components."""
        return
        yield  # pragma: no cover - makes this a generator

    async def alerts(self) -> Sequence[Alert]:
        """Return the alerts; where there is no Alertmanager, those of Prometheus, of which nobody knows who is silenced.

        Raises:
            SourceMissing: there is neither.

        """
        try:
            told = _told(await self._located.service())
        except SourceMissing as missing:
            return await self._raised(missing)
        rules = await self._rules() if told else {}
        return [_with_rule(one, rules) for one in told]

    def gaps(self) -> Sequence[Gap]:
        """Return what could not be had."""
        with self._lock:
            return tuple(self._gaps)

    async def describe(self) -> Found:
        """Return what was found."""
        return await self._located.describe()

    async def _raised(self, missing: SourceMissing) -> Sequence[Alert]:
        try:
            raised = PrometheusApi(await self._prometheus.service()).alerts()
        except SourceMissing as other:
            raise missing from other
        firing = [_firing(one) for one in raised if one.state == "firing"]
        if not firing:
            return []
        self._note("which alerts are silenced or inhibited", missing)
        rules = await self._rules()
        return [_with_rule(one, rules) for one in firing]

    async def _rules(self) -> dict[str, list[Rule]]:
        try:
            rules = PrometheusApi(await self._prometheus.service()).rules()
        except SourceMissing as missing:
            self._note("the expressions of alert rules", missing)
            return {}
        by_name: dict[str, list[Rule]] = {}
        for rule in rules:
            by_name.setdefault(rule.name, []).append(rule)
        return by_name

    def _note(self, what: str, missing: SourceMissing) -> None:
        remedy = missing.remedy if isinstance(missing, ServiceProblem) else ""
        with self._lock:
            self._gaps[Gap(agent="alertmanager", what=what, why=str(missing), remedy=remedy)] = None


def version_of(service: HttpService) -> str:
    """Return the version.

    Raises:
        ServiceProblem: it is no Alertmanager.

    """
    return service.decoded(service.get("/api/v2/status"), _About).version_info.version


def _told(service: HttpService) -> list[Alert]:
    return [one.alert() for one in service.decoded(service.get("/api/v2/alerts", EVERY_STATE), list[ToldAlert])]


def _firing(one: Raised) -> Alert:
    return Alert(labels=one.labels, annotations=one.annotations, starts_at=one.active_at)


def _with_rule(alert: Alert, rules: dict[str, list[Rule]]) -> Alert:
    """Return the alert with the expression of its rule, and its link to a runbook where the alert has none."""
    named = rules.get(alert.labels.get("alertname", ""), [])
    rule = next((one for one in named if _made(one, alert)), None)
    if rule is None:
        return alert
    link = rule.annotations.get("runbook_url", "")
    annotations = alert.annotations if "{{" in link or not link else {"runbook_url": link, **alert.annotations}
    return msgspec.structs.replace(alert, expression=rule.query, annotations=annotations)


def _made(rule: Rule, alert: Alert) -> bool:
    """Say whether the labels that a rule gives are those of the alert; templates may say anything."""
    plain: Iterable[tuple[str, str]] = ((name, value) for name, value in rule.labels.items() if "{{" not in value)
    return all(alert.labels.get(name) == value for name, value in plain)
