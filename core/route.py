"""Finds where to look: namespaces, components named by the incident, time window, agents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.hookspecs import Agent
from sre_orchestrator.core.identity import kind_of, name_of, namespace_of
from sre_orchestrator.core.models import Component, Incident, Scope
from sre_orchestrator.core.ports import Twin
from sre_orchestrator.core.settings import Settings, UserFlow
from sre_orchestrator.core.vocabulary import nearest

NAMEABLE = ("deployment", "statefulset", "daemonset", "cronjob", "job", "service", "ingress", "node", "pod")
SYMPTOM_WORDS = {
    "restarts": r"restart\w*|crash\w*|reboot\w*|oom\w*|killed|flapp\w*",
    "unavailable": r"unavailab\w*|unreachab\w*|down|outage\w*|disrupt\w*|pending|stuck|offline|50[234]|not (?:ready|available|reachable)|dead|gone",
    "errors": r"errors?|fail\w*|exceptions?|[45]\d\d|[45]xx|broken|wrong|refused|denied|reset",
    "slow": r"slow\w*|latenc\w*|degrad\w*|delay\w*|time[ -]?outs?|response times?|hang\w*|lag\w*|p9\d",
}
NUMBERS = {
    "a": 1,
    "an": 1,
    "one": 1,
    "two": 2,
    "three": 3,
    "five": 5,
    "ten": 10,
    "fifteen": 15,
    "twenty": 20,
    "thirty": 30,
    "half an": 0.5,
}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_AGO = re.compile(
    rf"\b(?:since|for|last|past|over)?\s*(?:about |the )?(?P<count>\d+|{'|'.join(NUMBERS)})\s*"
    r"(?P<unit>seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)\b(?:\s+ago)?",
    re.IGNORECASE | re.ASCII,
)
MAX_AGO = timedelta(days=366)


def route(incident: Incident, twin: Twin, agents: Sequence[Agent], settings: Settings) -> Scope:
    """Return the scope of ``incident``.

    Namespaces: the incident's, else those of the components that it names, else all of the
    cluster. The window reaches back ``settings.window_minutes`` before the time that the text
    gives ("since ten minutes"), or before the incident.

    Raises:
        InputError: the incident's namespace does not exist.

    """
    components = twin.components()
    namespaces = _namespaces(incident, components)
    named = _named(incident.description, components, namespaces)
    named = tuple(sorted({*named, *_flows(incident.description, components, namespaces, settings.user_flows)}))
    if not incident.namespace and named:
        namespaces = tuple(sorted({namespace_of(component) for component in named} - {""})) or namespaces
    text = incident.description.lower()
    return Scope(
        incident=incident,
        namespaces=namespaces,
        components=named,
        symptoms=tuple(name for name, words in SYMPTOM_WORDS.items() if re.search(rf"\b(?:{words})\b", text)),
        since=_before(incident.at, _ago(text) + timedelta(minutes=settings.window_minutes)),
        until=incident.at,
        agents=tuple(agent.name for agent in agents),
    )


def _namespaces(incident: Incident, components: Iterable[Component]) -> tuple[str, ...]:
    known = {namespace_of(component.id) for component in components} - {""}
    if not incident.namespace:
        return tuple(sorted(known))
    wanted = [name.strip() for name in incident.namespace.split(",")]
    for name in wanted:
        if known and name not in known:
            raise InputError(
                f"namespace {name!r} does not exist{nearest(name, known)}; known: {', '.join(sorted(known))}"
            )
    return tuple(wanted)


def _named(description: str, components: Iterable[Component], namespaces: tuple[str, ...]) -> tuple[str, ...]:
    """Return the components whose name, or name without a ``service`` suffix, is a word of the text."""
    words = set(re.findall(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?", description.lower()))
    found = []
    for component in components:
        namespace = namespace_of(component.id)
        if kind_of(component.id) not in NAMEABLE or (namespace and namespace not in namespaces):
            continue
        name = name_of(component.id).lower()
        if name in words or re.sub(r"[-_]?(?:service|svc)$", "", name) in words:
            found.append(component.id)
    return tuple(sorted(found))


def _flows(
    description: str, components: Iterable[Component], namespaces: tuple[str, ...], flows: Iterable[UserFlow]
) -> Iterator[str]:
    """Yield the components of the user flows that the text names: what is called as one of their services."""
    named = [one for one in flows if re.search(rf"(?<!\w){re.escape(one.name)}(?!\w)", description, re.IGNORECASE)]
    meant = {(one.namespace, service) for one in named for service in one.services}
    for component in components:
        space, name = namespace_of(component.id), name_of(component.id)
        if (
            not meant.isdisjoint({(space, name), ("", name)})
            and space in namespaces
            and kind_of(component.id) in NAMEABLE
        ):
            yield component.id


def _ago(text: str) -> timedelta:
    match = _AGO.search(text)
    if not match:
        return timedelta()
    count = match["count"]
    number = float(count) if count.isdigit() else NUMBERS[count]
    return timedelta(seconds=min(number * _UNITS[match["unit"][0]], MAX_AGO.total_seconds()))


def _before(at: datetime, ago: timedelta) -> datetime:
    earliest = datetime.min.replace(tzinfo=at.tzinfo)
    return at - ago if at - earliest > ago else earliest
