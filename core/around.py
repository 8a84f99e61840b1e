"""Says what an incident shows around a hypothesis, which is what its runbooks are found by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from sre_orchestrator.core.identity import kind_of, name_of
from sre_orchestrator.core.models import Fact, Hypothesis, Incident, Proof
from sre_orchestrator.core.ports import Around

_TAG = re.compile(r"@.*|:[^:/]*$")


def around(hypothesis: Hypothesis, incident: Incident, facts: Mapping[str, Fact], *, first: bool) -> Around:
    """Return what was seen around ``hypothesis``: on its component, in its proof, and what it explains.

    What the incident itself names belongs to its ``first`` hypothesis.
    """
    evidence = dict.fromkeys((*_proven(hypothesis.proof), *hypothesis.explains))
    seen = [facts[one] for one in evidence if one in facts]
    seen += [fact for fact in facts.values() if fact.component == hypothesis.component and fact.id not in evidence]
    return Around(
        description=incident.description if first else "",
        at=incident.at,
        namespaces=tuple(filter(None, (one.strip() for one in incident.namespace.split(",")))),
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


def _proven(proofs: Sequence[Proof]) -> Iterator[str]:
    for proof in proofs:
        yield from proof.facts
        yield from _proven(proof.children)


def _all(names: Iterator[str] | Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))
