"""Links alerts with their runbooks and, by words, with causes of the catalogue: proposals, listed for review."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sre_orchestrator.core.models import Struct
from sre_orchestrator.plugins.knowledge.library import Library
from sre_orchestrator.plugins.knowledge.linking import Proposal, Proposer
from sre_orchestrator.plugins.knowledge.names import key_of, stem_of
from sre_orchestrator.plugins.sources.alert_rules import AlertRule

SAID = 1500  # characters of a runbook that say what it is about


class Proposed(Struct, frozen=True, kw_only=True):
    """An alert, its runbook in the library (``by`` its link or its name), and the causes that it may have."""

    alert: str
    runbook: str = ""
    by: str = ""
    causes: tuple[Proposal, ...] = ()


def proposed(library: Library, rules: Sequence[AlertRule], proposer: Proposer) -> Iterator[Proposed]:
    """Yield a proposal for each alert of the rules, then for each runbook that none of them has."""
    titles = {one.address: one.title for one in library.documents()}
    taken: set[str] = set()
    for name, same in _by_name(rules).items():
        address, by = _runbook(library, name, same)
        taken.add(address)
        head, body = _said(same)
        causes = proposer.propose(f"{name} {titles.get(address, '')} {head}", body + library.beginning(address, SAID))
        yield Proposed(alert=name, runbook=address, by=by, causes=causes)
    for address, title in titles.items():
        if address not in taken:
            name = stem_of(address)
            causes = proposer.propose(f"{name} {title}", library.beginning(address, SAID))
            yield Proposed(alert=name, runbook=address, by="name", causes=causes)


def _said(rules: Sequence[AlertRule]) -> tuple[str, str]:
    """Return what an alert says in short, and at length."""
    texts = [rules[0].annotations.get(name, "") for name in ("summary", "description")]
    return texts[0] or texts[1], f"{texts[1]} "


def _by_name(rules: Iterable[AlertRule]) -> dict[str, list[AlertRule]]:
    found: dict[str, list[AlertRule]] = {}
    for rule in rules:
        found.setdefault(rule.name, []).append(rule)
    return dict(sorted(found.items()))


def _runbook(library: Library, name: str, rules: Sequence[AlertRule]) -> tuple[str, str]:
    """Return the runbook that a rule links to, else the one that is called like the alert."""
    for rule in rules:
        url = rule.annotations.get("runbook_url", "")
        if url and "{{" not in url:
            if library.digest(url) is not None:
                return url, "runbook_url"
            found = library.named(key_of(stem_of(url)))
            if found:
                return found[0], "runbook_url"
    called = library.named(name)
    return (called[0], "name") if called else ("", "")
