"""Checks a rule against the vocabulary and the cause catalogue: no rule may wait for a key that no agent writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sre_orchestrator.core.models import Cause, Scalar
from sre_orchestrator.core.vocabulary import Attribute, FactKind, Vocabulary, fits, nearest
from sre_orchestrator.rules.model import (
    Case,
    CaseFact,
    Conclude,
    Derive,
    EdgePattern,
    FactPattern,
    Pattern,
    Rule,
    Test,
    Variant,
)
from sre_orchestrator.rules.operators import as_time
from sre_orchestrator.rules.reader import Problem
from sre_orchestrator.rules.stratify import joined_late, names_used
from sre_orchestrator.rules.templates import FILTERS, PLACEHOLDER
from sre_orchestrator.rules.vacuous import complaint

Where = tuple[object, ...]
ALWAYS = frozenset({"component", "namespace", "name", "observed_at"})
PATH = frozenset({"from", "to", "hops"})
TEXTUAL = frozenset({"matches", "contains"})
TIMES = frozenset({"before", "after", "within_seconds"})
TEXT = {"observed_at": Attribute(type="time")}


def check_rule(rule: Rule, cases: Iterable[Case], vocabulary: Vocabulary, causes: Mapping[str, Cause]) -> None:
    """Check every name that ``rule`` and its tests use.

    Raises:
        Problem: the first thing that is wrong, with the path of keys to it.

    """
    for variant in rule.variants:
        scope = _scope(rule, variant.patterns, vocabulary)
        for pattern in variant.patterns:
            _check_pattern(pattern, scope, vocabulary, ("when", "all", pattern.name))
        _check_joined(rule, variant.patterns)
        _check_counts(rule, variant, scope, vocabulary)
        _check_rest(rule, scope, vocabulary, causes)
    _check_vacuous(rule, vocabulary)
    _check_cases(tuple(cases), vocabulary)


def check_condition(pattern: FactPattern, names: Mapping[str, frozenset[str]], vocabulary: Vocabulary) -> None:
    """Check a condition that stands alone; it may refer to ``names`` and their attributes.

    Raises:
        Problem: the first thing that is wrong.

    """
    offered = {**names, pattern.name: _offered(pattern, vocabulary, ())}
    _check_pattern(pattern, offered, vocabulary, ())


def _scope(rule: Rule, patterns: Iterable[Pattern], vocabulary: Vocabulary) -> dict[str, frozenset[str]]:
    """Return the attributes that each name of the rule offers."""
    scope = {pattern.name: _offered(pattern, vocabulary, ("when", "all", pattern.name)) for pattern in patterns}
    for number, count in enumerate(rule.counts):
        _check_new(count.name, scope, ("when", "count", number))
        scope[count.name] = frozenset({"count", *count.by})
    return scope


def _check_new(name: str, scope: Mapping[str, frozenset[str]], where: Where) -> None:
    if name in scope:
        raise Problem(where, f"{name!r} is already bound; choose another name")


def _offered(pattern: Pattern, vocabulary: Vocabulary, where: Where) -> frozenset[str]:
    if isinstance(pattern, EdgePattern):
        return PATH
    return frozenset({*_kind(pattern.kind, vocabulary, where).attributes, *pattern.captures}) | ALWAYS


def _kind(name: str, vocabulary: Vocabulary, where: Where) -> FactKind:
    kind = vocabulary.kinds.get(name)
    if kind is None:
        raise Problem((*where, "kind"), f"unknown fact kind {name!r}{nearest(name, vocabulary.kinds)}")
    return kind


def _check_pattern(pattern: Pattern, scope: Mapping[str, frozenset[str]], vocabulary: Vocabulary, where: Where) -> None:
    if isinstance(pattern, EdgePattern):
        for end in (pattern.source, pattern.target):
            if end.ref:
                _check_ref(end.ref.name, end.ref.attribute, scope, where)
        if pattern.within > 1 and not any(end.component or end.ref for end in (pattern.source, pattern.target)):
            raise Problem(where, "a path of several hops needs one end: from, to, from|ref or to|ref")
        return
    kind = _kind(pattern.kind, vocabulary, where)
    for name in pattern.captures:
        if name in kind.attributes or name in ALWAYS:
            raise Problem(where, f"the group {name!r} would hide the attribute of {pattern.kind}; rename it")
    for test in pattern.tests:
        _check_test(test, kind, pattern.kind, scope, where)


def _check_test(test: Test, kind: FactKind, name: str, scope: Mapping[str, frozenset[str]], where: Where) -> None:
    attribute = kind.attributes.get(test.attribute)
    if attribute is None and test.attribute not in ALWAYS:
        raise Problem(
            where, f"{name} has no attribute {test.attribute!r}{nearest(test.attribute, {*kind.attributes, *ALWAYS})}"
        )
    if test.operator in TIMES and not (test.attribute == "observed_at" or (attribute and attribute.type == "time")):
        raise Problem(where, f"{test.operator} compares times; {test.attribute} is none")
    if test.ref:
        _check_ref(test.ref.name, test.ref.attribute, scope, where)
    elif test.operator != "exists":
        _check_value(test, attribute or TEXT.get(test.attribute, Attribute()), where)


def _check_value(test: Test, attribute: Attribute, where: Where) -> None:
    if test.operator in TEXTUAL:
        attribute = Attribute()
    for value in test.value if isinstance(test.value, tuple) else (test.value,):
        _check_fits(test.attribute, value, attribute, where)


def _check_fits(name: str, value: Scalar | None, attribute: Attribute, where: Where) -> None:
    if value is None or not fits(value, attribute.type) or (attribute.type == "time" and not as_time(value)):
        raise Problem(where, f"{name} is {attribute.type}; {value!r} can never fit")
    if attribute.values and value not in attribute.values:
        raise Problem(where, f"{name} is never {value!r}{nearest(str(value), attribute.values)}")


def _check_ref(name: str, attribute: str, scope: Mapping[str, frozenset[str]], where: Where) -> None:
    if name not in scope:
        raise Problem(where, f"unbound name {name!r}{nearest(name, scope)}")
    if attribute not in scope[name]:
        raise Problem(where, f"{name} has no attribute {attribute!r}{nearest(attribute, scope[name])}")


def _check_joined(rule: Rule, patterns: Iterable[Pattern]) -> None:
    """Refuse a product of unrelated facts: equalities, paths and counts must connect all names.

    A count that is not grouped is one number, which multiplies nothing.
    """
    groups: list[set[str]] = [{pattern.name} for pattern in patterns] + [{count.name} for count in rule.counts]
    for linked in _links(rule, patterns):
        merged = set().union(*(group for group in groups if group & linked))
        groups = [*(group for group in groups if not group & linked), merged]
    single = {count.name for count in rule.counts if not count.by}
    apart = sorted(sorted(group) for group in groups if group - single)
    if len(apart) > 1:
        raise Problem(("when",), f"{apart} are not joined by an equality (|ref), an edge or a count")


def _links(rule: Rule, patterns: Iterable[Pattern]) -> Iterator[set[str]]:
    for pattern in patterns:
        if isinstance(pattern, EdgePattern):
            yield {pattern.name, *names_used(pattern)}
        else:
            yield {
                pattern.name,
                *(test.ref.name for test in pattern.tests if test.ref and test.operator in {"eq", "within_seconds"}),
            }
    for count in rule.counts:
        yield {count.name, *(test.ref.name for test in (*count.tests, *count.of.tests) if test.ref)}


def _check_counts(rule: Rule, variant: Variant, scope: Mapping[str, frozenset[str]], vocabulary: Vocabulary) -> None:
    """Check each count; it knows the patterns that need no count, and the counts before it."""
    late = {pattern.name for pattern in joined_late(variant, rule)} | {count.name for count in rule.counts}
    known = {name: offered for name, offered in scope.items() if name not in late}
    for number, count in enumerate(rule.counts):
        where: Where = ("when", "count", number)
        inner = {**known, count.of.name: _offered(count.of, vocabulary, (*where, "of"))}
        _check_pattern(count.of, inner, vocabulary, (*where, "of"))
        for attribute in (*count.by, *([count.distinct] if count.distinct else [])):
            _check_ref(count.of.name, attribute, inner, where)
        if "count" in count.by:
            raise Problem((*where, "by"), "the attribute 'count' cannot be a group: the count itself has that name")
        known[count.name] = scope[count.name]
        for test in count.tests:
            if test.ref:
                _check_ref(test.ref.name, test.ref.attribute, known, where)


def _check_rest(
    rule: Rule, scope: Mapping[str, frozenset[str]], vocabulary: Vocabulary, causes: Mapping[str, Cause]
) -> None:
    for number, group in enumerate(rule.none):
        where: Where = ("when", "none", number)
        for pattern in group:
            _check_new(pattern.name, scope, where)
        inner = {**scope, **{pattern.name: _offered(pattern, vocabulary, where) for pattern in group}}
        for pattern in group:
            _check_pattern(pattern, inner, vocabulary, where)
    for then in rule.then:
        _check_then(then, scope, vocabulary, causes)


def _check_vacuous(rule: Rule, vocabulary: Vocabulary) -> None:
    """Refuse negated patterns that hold whatever is seen, in each alternative of ``any``."""
    for number, group in enumerate(rule.none):
        for pattern in group:
            kind = vocabulary.kinds[pattern.kind].attributes if isinstance(pattern, FactPattern) else {}
            found = [complaint(pattern, variant.patterns, {"component", *kind}) for variant in rule.variants]
            if all(found):
                raise Problem(("when", "none", number), found[0])


def _check_then(
    then: Conclude | Derive, scope: Mapping[str, frozenset[str]], vocabulary: Vocabulary, causes: Mapping[str, Cause]
) -> None:
    if isinstance(then, Conclude):
        _check_conclude(then, scope, causes)
        templates = [then.component, then.because]
    else:
        _check_derive(then, vocabulary)
        templates = [then.component, *(value for value in then.attributes.values() if isinstance(value, str))]
    for template in templates:
        _check_template(template, scope)


def _check_conclude(then: Conclude, scope: Mapping[str, frozenset[str]], causes: Mapping[str, Cause]) -> None:
    if then.cause not in causes:
        raise Problem(("then", "cause"), f"unknown cause {then.cause!r}{nearest(then.cause, causes)}")
    for name in then.explains:
        if name not in scope:
            raise Problem(("then", "explains"), f"unbound name {name!r}{nearest(name, scope)}")


def _check_derive(then: Derive, vocabulary: Vocabulary) -> None:
    where: Where = ("then", "derive")
    kind = _kind(then.kind, vocabulary, where)
    if not kind.derived:
        raise Problem(where, f"{then.kind} is for agents; only kinds marked derived may be asserted by rules")
    for name, value in then.attributes.items():
        attribute = _attribute(name, then.kind, kind, where)
        if not (isinstance(value, str) and PLACEHOLDER.search(value)):
            _check_fits(name, value, attribute, (*where, name))


def _check_template(template: str, scope: Mapping[str, frozenset[str]]) -> None:
    where: Where = ("then",)
    for match in PLACEHOLDER.finditer(template):
        _check_ref(match["name"], match["attribute"], scope, where)
        if match["filter"] and match["filter"] not in FILTERS:
            raise Problem(where, f"unknown filter {match['filter']!r}{nearest(match['filter'], FILTERS)}")
    if "{" in PLACEHOLDER.sub("", template):
        raise Problem(
            where, f"placeholder in {template!r} must look like {{name.attribute}} or {{name.attribute|filter}}"
        )


def _check_cases(cases: tuple[Case, ...], vocabulary: Vocabulary) -> None:
    firing = [case for case in cases if case.expect or case.derives]
    if not firing or len(firing) == len(cases):
        lacking = "fires" if not firing else "stays silent"
        raise Problem(("tests",), f"needs at least one test that {lacking}")
    for number, case in enumerate(cases):
        for place, fact in enumerate(case.facts):
            _check_case_fact(fact, vocabulary, ("tests", number, "facts", place))
        for kind, _ in case.coverage:
            _kind(kind, vocabulary, ("tests", number))
        for name in case.missing:
            _kind(name, vocabulary, ("tests", number))


def _check_case_fact(fact: CaseFact, vocabulary: Vocabulary, where: Where) -> None:
    kind = _kind(fact.kind, vocabulary, where)
    if fact.observed_at and not as_time(fact.observed_at):
        raise Problem((*where, "observed_at"), f"{fact.observed_at!r} is no ISO 8601 time")
    for name, value in fact.attributes.items():
        _check_fits(name, value, _attribute(name, fact.kind, kind, (*where, name)), (*where, name))


def _attribute(name: str, kind: str, declared: FactKind, where: Where) -> Attribute:
    attribute = declared.attributes.get(name)
    if attribute is None:
        raise Problem(where, f"{kind} has no attribute {name!r}{nearest(name, declared.attributes)}")
    return attribute
