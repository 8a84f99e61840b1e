"""Reads a rule file: YAML to a Rule and its tests; every refusal names file, line and the nearest valid name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

import msgspec

from sre_orchestrator.core.documents import DocumentError, line_of, read_yaml
from sre_orchestrator.core.errors import RuleError
from sre_orchestrator.core.models import EdgeKind, Scalar, Strength
from sre_orchestrator.core.vocabulary import nearest
from sre_orchestrator.rules.model import (
    Case,
    CaseFact,
    Conclude,
    Count,
    Derive,
    EdgePattern,
    End,
    FactPattern,
    Operator,
    Pattern,
    Ref,
    Rule,
    Status,
    Test,
    Variant,
)

Node = Any  # what YAML gives: mappings, lists and scalars, checked as it is read
MAX_BYTES = 128 * 1024
MAX_NODES = 20_000
OPERATORS = frozenset(get_args(Operator)) - {"eq"}
CONSTANT = frozenset({"in", "matches", "exists"})  # never with ref: what was observed is no pattern and no list
COMPARISONS = frozenset({"gt", "gte", "lt", "lte", "eq"})
TOP = frozenset({"id", "title", "status", "why", "references", "when", "then", "tests"})
_IDENTIFIER = re.compile(r"^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$")
_NAME = re.compile(r"^[a-z][a-z0-9_]*$")
# Names of what has none in the file; no name that a rule gives can be the same.
ABSENT = "(none)"
COUNTED = "(of {})"


class Problem(Exception):  # noqa: N818 - caught and turned into a RuleError with a line
    """What is wrong, and the path of keys to where."""

    def __init__(self, where: tuple[object, ...], what: str) -> None:
        super().__init__(what)
        self.where = where


def read_rule(text: bytes, path: str, file_id: str = "") -> tuple[Rule, tuple[Case, ...]]:
    """Read one rule.

    Args:
        text: the YAML document.
        path: where it came from, for messages.
        file_id: what ``id`` must equal, when the rule has a file of its own.

    Raises:
        RuleError: the text is no rule; the message starts with ``path:line``.

    """
    try:
        document = _load(text, path)
        rule = _rule(document, path)
        if file_id and rule.id != file_id:
            raise Problem(("id",), f"id {rule.id!r} must equal the file name {file_id!r}")
        return rule, tuple(_case(case, number) for number, case in enumerate(_list(document["tests"], ("tests",))))
    except Problem as problem:
        raise RuleError(f"{path}:{line_of(text, problem.where)}: {problem}") from None


def read_condition(name: str, node: Node) -> FactPattern:
    """Return one condition on facts, a mapping as YAML gives it.

    Raises:
        Problem: it is none.

    """
    pattern = _pattern(name, node, ())
    if not isinstance(pattern, FactPattern):
        raise Problem((), "a condition takes facts, not edges")
    return pattern


def _load(text: bytes, path: str) -> Mapping[str, Node]:
    if len(text) > MAX_BYTES:
        raise RuleError(f"{path}: {len(text)} bytes; a rule file has at most {MAX_BYTES}")
    try:
        document: Node = read_yaml(text, object, max_nodes=MAX_NODES)
    except DocumentError as error:
        raise RuleError(f"{path}:{error.line or 1}: {error}") from error
    return _mapping(document, (), TOP, required=TOP - {"references"})


def _rule(document: Mapping[str, Node], path: str) -> Rule:
    identifier = _text(document["id"], ("id",))
    if not _IDENTIFIER.match(identifier):
        raise Problem(("id",), f"id {identifier!r} must be lower-case words joined by '-'")
    status = _text(document["status"], ("status",))
    if status not in ("experimental", "stable", "deprecated"):
        raise Problem(("status",), f"status {status!r} must be experimental, stable or deprecated")
    when = _mapping(document["when"], ("when",), {"all", "any", "none", "count"})
    counts = tuple(
        _count(one, ("when", "count", n)) for n, one in enumerate(_list(when.get("count", []), ("when", "count")))
    )
    variants = _variants(when)
    if not counts and not any(variant.patterns for variant in variants):
        raise Problem(("when",), "needs at least one positive pattern (all, any or count)")
    return Rule(
        id=identifier,
        title=_text(document["title"], ("title",)),
        status=msgspec.convert(status, Status),
        why=_text(document["why"], ("why",)).strip(),
        references=tuple(
            _text(one, ("references", n))
            for n, one in enumerate(_list(document.get("references", []), ("references",)))
        ),
        path=path,
        variants=variants,
        counts=counts,
        none=tuple(
            _negated(one, ("when", "none", n)) for n, one in enumerate(_list(when.get("none", []), ("when", "none")))
        ),
        then=_then(document["then"]),
    )


def _variants(when: Mapping[str, Node]) -> tuple[Variant, ...]:
    common = _named(when.get("all", {}), ("when", "all"))
    alternatives = _list(when.get("any", []), ("when", "any"))
    if not alternatives:
        return (Variant(patterns=common),)
    read = [_named(one, ("when", "any", n)) for n, one in enumerate(alternatives)]
    names = [{pattern.name for pattern in one} for one in read]
    for number, one in enumerate(names):
        if one != names[0]:
            raise Problem(("when", "any", number), f"every alternative must bind the same names: {sorted(names[0])}")
        if clash := one & {pattern.name for pattern in common}:
            raise Problem(("when", "any", number), f"{sorted(clash)} are already bound in all")
    return tuple(Variant(patterns=(*common, *one)) for one in read)


def _named(node: Node, where: tuple[object, ...]) -> tuple[Pattern, ...]:
    return tuple(
        _pattern(_name(name, (*where, name)), one, (*where, name)) for name, one in _mapping(node, where).items()
    )


def _name(name: Node, where: tuple[object, ...]) -> str:
    if not _NAME.match(str(name)):
        raise Problem(where, f"name {name!r} must be lower-case letters, digits and '_'")
    return str(name)


def _negated(node: Node, where: tuple[object, ...]) -> tuple[Pattern, ...]:
    if isinstance(node, dict) and set(node) == {"all"}:
        return _named(node["all"], (*where, "all"))
    return (_pattern(ABSENT, node, where),)


def _pattern(name: str, node: Node, where: tuple[object, ...]) -> Pattern:
    mapping = _mapping(node, where)
    if "edge" in mapping:
        return _edge(name, mapping, where)
    if "kind" not in mapping:
        raise Problem(where, "a pattern needs a kind (of fact) or an edge")
    tests = tuple(_test(key, value, (*where, key)) for key, value in mapping.items() if key != "kind")
    captures = [
        group for test in tests if test.operator == "matches" for group in _regex(str(test.value), where).groupindex
    ]
    return FactPattern(name=name, kind=_text(mapping["kind"], (*where, "kind")), tests=tests, captures=tuple(captures))


def _edge(name: str, mapping: Mapping[str, Node], where: tuple[object, ...]) -> EdgePattern:
    _mapping(mapping, where, {"edge", "from", "to", "from|ref", "to|ref", "within"})
    edge = _text(mapping["edge"], (*where, "edge"))
    if edge not in get_args(EdgeKind):
        raise Problem((*where, "edge"), f"unknown edge {edge!r}{nearest(edge, get_args(EdgeKind))}")
    within = mapping.get("within", 1)
    if not isinstance(within, int) or isinstance(within, bool) or not 1 <= within <= 10:  # noqa: PLR2004
        raise Problem((*where, "within"), "within must be a whole number of hops from 1 to 10")
    ends = {side: _end(mapping, side, where) for side in ("from", "to")}
    return EdgePattern(
        name=name, edge=msgspec.convert(edge, EdgeKind), source=ends["from"], target=ends["to"], within=within
    )


def _end(mapping: Mapping[str, Node], side: str, where: tuple[object, ...]) -> End:
    if f"{side}|ref" in mapping:
        return End(ref=_ref(mapping[f"{side}|ref"], (*where, f"{side}|ref")))
    return End(component=_text(mapping[side], (*where, side))) if side in mapping else End()


def _test(key: str, value: Node, where: tuple[object, ...]) -> Test:
    attribute, *words = str(key).split("|")
    by_ref = words[-1:] == ["ref"]
    operators = words[:-1] if by_ref else words
    if len(operators) > 1 or any(word not in OPERATORS for word in operators):
        wrong = next((word for word in operators if word not in OPERATORS), operators[-1] if operators else "")
        raise Problem(
            where, f"unknown operator {wrong!r}{nearest(wrong, OPERATORS)}; one of {', '.join(sorted(OPERATORS))}"
        )
    operator = operators[0] if operators else "eq"
    if operator == "within_seconds":
        return _within(attribute, value, where, by_ref=by_ref)
    if by_ref and operator in CONSTANT:
        raise Problem(where, f"{operator} takes a constant, not ref")
    if by_ref:
        return Test(attribute=attribute, operator=msgspec.convert(operator, Operator), ref=_ref(value, where))
    return Test(
        attribute=attribute, operator=msgspec.convert(operator, Operator), value=_operand(operator, value, where)
    )


def _within(attribute: str, value: Node, where: tuple[object, ...], *, by_ref: bool) -> Test:
    if not by_ref or not isinstance(value, list) or len(value) != 2 or not _is_seconds(value[1]):  # noqa: PLR2004
        raise Problem(where, "within_seconds|ref takes [name.attribute, seconds]")
    return Test(attribute=attribute, operator="within_seconds", ref=_ref(value[0], where), value=value[1])


def _is_seconds(value: Node) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _operand(operator: str, value: Node, where: tuple[object, ...]) -> Scalar | tuple[Scalar, ...]:
    if operator == "in":
        if not _list(value, where):
            raise Problem(where, "in takes at least one value")
        return tuple(_scalar(one, where) for one in value)
    if operator == "exists" and not isinstance(value, bool):
        raise Problem(where, "exists takes true or false")
    if operator == "matches":
        _regex(_text(value, where), where)
    return _scalar(value, where)


def _regex(pattern: str, where: tuple[object, ...]) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise Problem(where, f"bad regular expression: {error}") from None


def _ref(value: Node, where: tuple[object, ...]) -> Ref:
    name, dot, attribute = str(value).partition(".")
    if not dot or not name or not attribute:
        raise Problem(where, f"{value!r} must be name.attribute")
    return Ref(name=name, attribute=attribute)


def _count(node: Node, where: tuple[object, ...]) -> Count:
    mapping = _mapping(
        node,
        where,
        {"of", "as", "by", "distinct", *COMPARISONS, *(f"{one}|ref" for one in COMPARISONS)},
        required={"of", "as"},
    )
    name = _name(mapping["as"], (*where, "as"))
    of = _pattern(COUNTED.format(name), mapping["of"], (*where, "of"))
    if not isinstance(of, FactPattern):
        raise Problem((*where, "of"), "count takes facts, not edges")
    tests = tuple(
        _test(f"count|{key}" if key.split("|")[0] != "eq" else f"count{key[2:]}", value, (*where, key))
        for key, value in mapping.items()
        if key.split("|")[0] in COMPARISONS
    )
    if not tests:
        raise Problem(where, f"a count needs a comparison: {', '.join(sorted(COMPARISONS))}")
    by = tuple(_text(one, (*where, "by")) for one in _list(mapping.get("by", []), (*where, "by")))
    distinct = _text(mapping.get("distinct", ""), (*where, "distinct"))
    return Count(name=name, of=of, by=by, distinct=distinct, tests=tests)


def _then(node: Node) -> tuple[Conclude | Derive, ...]:
    several = node if isinstance(node, list) else [node]
    where: tuple[object, ...] = ("then",)
    if not several:
        raise Problem(where, "needs at least one of cause, against and derive")
    return tuple(_conclusion(one, (*where, n) if isinstance(node, list) else where) for n, one in enumerate(several))


def _conclusion(node: Node, where: tuple[object, ...]) -> Conclude | Derive:
    if isinstance(node, dict) and "derive" in node:
        _mapping(node, where, {"derive"})
        asserted = dict(_mapping(node["derive"], (*where, "derive"), required={"kind", "component"}))
        kind, component = asserted.pop("kind"), asserted.pop("component")
        return Derive(
            kind=_text(kind, where),
            component=_text(component, where),
            attributes={str(name): _scalar(value, (*where, "derive", name)) for name, value in asserted.items()},
        )
    mapping = _mapping(
        node,
        where,
        {"cause", "against", "component", "strength", "because", "explains"},
        required={"component", "strength", "because"},
    )
    if ("cause" in mapping) == ("against" in mapping):
        raise Problem(where, "needs exactly one of cause, against and derive")
    strength = _text(mapping["strength"], (*where, "strength"))
    if strength not in get_args(Strength):
        raise Problem((*where, "strength"), f"strength {strength!r} must be weak, moderate or strong")
    return Conclude(
        cause=_text(mapping.get("cause") or mapping.get("against"), where),
        component=_text(mapping["component"], (*where, "component")),
        polarity="for" if "cause" in mapping else "against",
        strength=msgspec.convert(strength, Strength),
        because=_text(mapping["because"], (*where, "because")).strip(),
        explains=tuple(
            _text(one, (*where, "explains")) for one in _list(mapping.get("explains", []), (*where, "explains"))
        ),
    )


def _case(node: Node, number: int) -> Case:
    where = ("tests", number)
    mapping = _mapping(
        node, where, {"name", "facts", "edges", "coverage", "expect", "missing", "derives"}, required={"name", "expect"}
    )
    return Case(
        name=_text(mapping["name"], where),
        facts=tuple(
            _case_fact(one, (*where, "facts", n)) for n, one in enumerate(_list(mapping.get("facts", []), where))
        ),
        edges=tuple(
            _case_edge(one, (*where, "edges", n)) for n, one in enumerate(_list(mapping.get("edges", []), where))
        ),
        coverage=tuple(_case_coverage(one, where) for one in _list(mapping.get("coverage", []), where)),
        expect=tuple(_text(one, (*where, "expect")) for one in _list(mapping["expect"], (*where, "expect"))),
        missing=tuple(
            _text(one, (*where, "missing")) for one in _list(mapping.get("missing", []), (*where, "missing"))
        ),
        derives=tuple(
            _text(one, (*where, "derives")) for one in _list(mapping.get("derives", []), (*where, "derives"))
        ),
        line=number,
    )


def _case_fact(node: Node, where: tuple[object, ...]) -> CaseFact:
    fields = dict(_mapping(node, where, required={"kind", "component"}))
    kind, component, at = fields.pop("kind"), fields.pop("component"), fields.pop("observed_at", "")
    return CaseFact(
        kind=_text(kind, where),
        component=_text(component, where),
        observed_at=str(at),
        attributes={str(name): _scalar(value, (*where, name)) for name, value in fields.items()},
    )


def _case_edge(node: Node, where: tuple[object, ...]) -> tuple[str, EdgeKind, str]:
    mapping = _mapping(node, where, {"from", "edge", "to"}, required={"from", "edge", "to"})
    edge = _text(mapping["edge"], where)
    if edge not in get_args(EdgeKind):
        raise Problem((*where, "edge"), f"unknown edge {edge!r}{nearest(edge, get_args(EdgeKind))}")
    return _text(mapping["from"], where), msgspec.convert(edge, EdgeKind), _text(mapping["to"], where)


def _case_coverage(node: Node, where: tuple[object, ...]) -> tuple[str, str]:
    if isinstance(node, str):
        return node, "*"
    mapping = _mapping(node, (*where, "coverage"), {"kind", "scope"}, required={"kind", "scope"})
    return _text(mapping["kind"], where), _text(mapping["scope"], where)


def _mapping(
    node: Node, where: tuple[object, ...], known: Iterable[str] | None = None, required: Iterable[str] = ()
) -> Mapping[str, Node]:
    if not isinstance(node, dict):
        raise Problem(where, f"must be a mapping, not {type(node).__name__}")
    for name in node:
        if known is not None and name not in known:
            raise Problem(
                (*where, name), f"unknown key {name!r}{nearest(str(name), known)}; one of {', '.join(sorted(known))}"
            )
    for name in sorted(required):
        if name not in node:
            raise Problem(where, f"missing key {name!r}")
    return node


def _list(node: Node, where: tuple[object, ...]) -> list[Node]:
    if not isinstance(node, list):
        raise Problem(where, f"must be a list, not {type(node).__name__}")
    return node


def _text(node: Node, where: tuple[object, ...]) -> str:
    if not isinstance(node, str):
        raise Problem(where, f"must be text, not {type(node).__name__}")
    return node


def _scalar(node: Node, where: tuple[object, ...]) -> Scalar:
    if not isinstance(node, str | int | float | bool):
        raise Problem(where, f"must be a text, number or boolean, not {type(node).__name__}")
    return node
