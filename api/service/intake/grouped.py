"""Alertmanager's webhook (version 4), and Grafana's, which has the same form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from sre_orchestrator.api.service.intake.words import namespace_of, namespaces
from sre_orchestrator.core.notices import Notice

State = Literal["firing", "resolved"]
SAID = ("summary", "description", "message")
Labels = dict[str, str]


class Alert(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One alert; fields that are not needed are left out."""

    status: State = "firing"
    labels: Labels = {}
    annotations: Labels = {}
    starts_at: datetime | None = None
    fingerprint: str = ""


class Group(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One delivery: the alerts of a group, and how many were left out."""

    alerts: tuple[Alert, ...]
    status: State | None = None
    group_key: str = ""
    truncated_alerts: Annotated[int, msgspec.Meta(ge=0)] = 0


class Grouped:
    """A format of groups: one notice for the alerts that fire, which is over when the whole group is."""

    def __init__(self, name: str) -> None:
        self.name = name

    def notices(self, body: bytes, headers: Mapping[str, str]) -> Sequence[Notice]:
        """Return what a delivery says; where it names no group, alert by alert."""
        del headers
        group = msgspec.json.decode(body, type=Group)
        if group.group_key:
            return list(_of_group(group))
        return [_of_alerts([one], one.fingerprint or _labels_key(one)) for one in group.alerts]


def _of_group(group: Group) -> Iterator[Notice]:
    firing = [one for one in group.alerts if one.status == "firing"]
    over = [one for one in group.alerts if one.status == "resolved"]
    if group.status == "resolved" or not firing:
        if group.alerts:
            yield _of_alerts(group.alerts, group.group_key, firing=False, more=group.truncated_alerts)
        return
    yield _of_alerts(firing, group.group_key, more=group.truncated_alerts)
    if over:  # counted, and closes nothing: others of the group still fire
        yield _of_alerts(over, f"{group.group_key} partly over", firing=False)


def _of_alerts(alerts: Sequence[Alert], fingerprint: str, *, firing: bool | None = None, more: int = 0) -> Notice:
    first = alerts[0]
    count = len(alerts) + more
    return Notice(
        description=_description(first) + (f" (and {count - 1} more alerts)" if count > 1 else ""),
        fingerprint=fingerprint,
        firing=first.status == "firing" if firing is None else firing,
        namespace=namespaces(namespace_of(one.labels) for one in alerts),
        labels=first.labels,
        at=min((one.starts_at for one in alerts if one.starts_at and one.starts_at.tzinfo), default=None),
        count=count,
    )


def _description(alert: Alert) -> str:
    """Return the name of the alert and what it says; Grafana keeps the name of a rule without data in ``rulename``."""
    name = alert.labels.get("rulename") or alert.labels.get("alertname", "")
    said = next((text for key in SAID if (text := alert.annotations.get(key))), "")
    return ": ".join(part for part in (name, said) if part)


def _labels_key(alert: Alert) -> str:
    return msgspec.json.encode(alert.labels, order="sorted").decode()
