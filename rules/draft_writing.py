"""Writes a drafted rule as people write rules: patterns and facts on one line each, tests with other names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sre_orchestrator.core.documents import Line, LineList, yaml_of
from sre_orchestrator.core.identity import kind_of, namespace_of
from sre_orchestrator.core.models import Edge, Fact, Scalar
from sre_orchestrator.core.vocabulary import Vocabulary

Conditions = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a rule is drafted from: facts that belong together, by the name of their pattern, and how they are joined."""

    facts: Mapping[str, Fact]
    patterns: Mapping[str, Conditions]
    edges: Sequence[Edge] = ()
    left_out: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Words:
    """What a drafted rule says, beside what it looks at."""

    title: str
    why: str
    cause: str
    blamed: str
    comments: Sequence[str]


def written(words: Words, seen: Seen, vocabulary: Vocabulary) -> str:
    """Return the rule file."""
    because = [_worded(name, seen.patterns[name]) for name in seen.facts]
    explains = [name for name, fact in seen.facts.items() if vocabulary.kinds[fact.kind].symptom]
    document = {
        "id": _identifier(words.cause, seen.patterns),
        "title": " ".join(words.title.split()),
        "status": "experimental",
        "why": " ".join(words.why.split()),
        "when": {"all": {name: Line(pattern) for name, pattern in seen.patterns.items()}},
        "then": {
            "cause": words.cause,
            "component": f"{{{words.blamed}.component}}",
            "strength": "moderate",
            "because": "; ".join(because),
            **({"explains": LineList(explains)} if explains else {}),
        },
        "tests": _tests(seen, words.cause, vocabulary),
    }
    head = "".join(f"# {' '.join(one.split())}\n" for one in words.comments)
    return head + yaml_of(document)


def _identifier(cause: str, patterns: Mapping[str, Conditions]) -> str:
    digest = hashlib.blake2b(repr(sorted(patterns.items())).encode(), digest_size=2).hexdigest()
    return f"draft-{cause}-x{digest}"


def _worded(name: str, pattern: Conditions) -> str:
    told = (value for key, value in pattern.items() if key != "kind" and not key.endswith("|ref"))
    values = " ".join(str(value) for value in told if not isinstance(value, bool))
    return f"{{{name}.component}}: {str(pattern['kind']).replace('.', ' ').replace('_', ' ')} {values}".strip()


def _tests(seen: Seen, cause: str, vocabulary: Vocabulary) -> list[dict[str, object]]:
    aliases = _Aliases()
    facts = {name: _case_fact(name, seen, aliases) for name in seen.facts}
    edges: list[Conditions] = [
        Line({"from": aliases.of(edge.source), "edge": edge.kind, "to": aliases.of(edge.target)}) for edge in seen.edges
    ]
    told = {"edges": edges} if edges else {}
    tests: list[dict[str, object]] = [
        {
            "name": "what was seen, in other words of names",
            "facts": list(facts.values()),
            **told,
            "expect": LineList([cause]),
        }
    ]
    for name in facts:
        rest = [fact for other, fact in facts.items() if other != name]
        tests.append({"name": f"without {name}", "facts": rest or LineList(), **told, "expect": LineList([])})
    for name, key, value in _others(seen, vocabulary):
        changed = [Line({**fact, key: value}) if other == name else fact for other, fact in facts.items()]
        tests.append({"name": f"{name} with another {key}", "facts": changed, **told, "expect": LineList([])})
    return tests


def _case_fact(name: str, seen: Seen, aliases: _Aliases) -> Conditions:
    """Return the fact of a test: what the patterns look at, with other names."""
    fact = seen.facts[name]
    wanted = {key.partition("|")[0] for key in seen.patterns[name]} - {"kind", "component", "edge"}
    for pattern in seen.patterns.values():
        for value in pattern.values():
            owner, _, attribute = str(value).partition(".")
            if owner == name and attribute in fact.attributes:
                wanted.add(attribute)
    attributes = {key: _aliased(key, fact.attributes[key], seen, aliases) for key in fact.attributes if key in wanted}
    return Line({"kind": fact.kind, "component": aliases.of(fact.component), **attributes})


def _aliased(key: str, value: Scalar, seen: Seen, aliases: _Aliases) -> Scalar:
    if value in {fact.component for fact in seen.facts.values()}:
        return aliases.of(str(value))
    return "app" if key == "container" else value


def _others(seen: Seen, vocabulary: Vocabulary) -> Iterator[tuple[str, str, str]]:
    """Yield, for each fact, another value that one of its attributes may have."""
    for name, fact in seen.facts.items():
        declared = vocabulary.kinds[fact.kind].attributes
        for key, value in seen.patterns[name].items():
            others = [one for one in declared[key].values if one != value] if key in declared else []
            if others:
                yield name, key, others[0]
                break


@dataclass
class _Aliases:
    """Names for tests: each component keeps its kind and gets a name of its own."""

    known: dict[str, str] = field(default_factory=dict)

    def of(self, component: str) -> str:
        if component not in self.known:
            kind = kind_of(component)
            number = sum(kind_of(one) == kind for one in self.known) + 1
            place = f"{kind}/team" if namespace_of(component) else kind
            self.known[component] = f"{place}/{kind}-{number}"
        return self.known[component]
