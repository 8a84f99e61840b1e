"""Says what an incident shows around a hypothesis, which is what its runbooks are found by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from sre_orchestrator.core.identity import kind_of, name_of
from sre_orchestrator.core.models import Fact, Hypothesis, Incident
from sre_orchestrator.core.ports import Around
from sre_orchestrator.core.proof import facts_of

_TAG = re.compile(r"@.*|:[^:/]*$")


def around(hypothesis: Hypothesis, incident: Incident, facts: Mapping[str, Fact], *, first: bool) -> Around:
    """Return what was seen around ``hypothesis``: on its component, in its proof, and what it explains.

    What the incident itself names belongs to its ``first`` hypothesis.
    """
    evidence = dict.fromkeys((*facts_of(hypothesis.proof), *hypothesis.explains))
    seen = [facts[one] for one in evidence if one in facts]
    seen += [fact for fact in facts.values() if fact.component == hypothesis.component and fact.id not in evidence]
    return Around(
        description=incident.description if first else "",
        at=incident.at,
        namespaces=incident.namespaces,
        alerts=_all(_alerts(seen)),
        components=_all([name_of(hypothesis.component), *_services(seen)]),
        images=_all(_images(seen)),
    )


def _alerts(seen: Sequence[Fact]) -> Iterator[str]:
    """Yield the names of alerts, and of the pages that they lead to."""
    for fact in seen:
        if fact.kind == "alert.firing":
            yield str(fact.attributes.get("alert", ""))
            yield str(fact.attributes.get("runbook_url", "")).partition("#")[0].rstrip("/").rpartition("/")[2]


def _services(seen: Sequence[Fact]) -> Iterator[str]:
    for fact in seen:
        if kind_of(fact.component) == "service":
            yield name_of(fact.component)


def _images(seen: Sequence[Fact]) -> Iterator[str]:
    """Yield what runs: ``rabbitmq`` for ``registry/rabbitmq:3``, and the family of a server."""
    for fact in seen:
        yield _TAG.sub("", str(fact.attributes.get("image", ""))).rpartition("/")[2]
        yield str(fact.attributes.get("family", ""))


def _all(names: Iterator[str] | Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))
