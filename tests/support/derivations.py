"""Writes texts that a grammar (GBNF, as far as ours go) lets through: one of each choice, as many as allowed."""

from __future__ import annotations

import re
from collections.abc import Callable

TOKEN = re.compile(
    r"""\s*(?:"(?P<literal>(?:\\.|[^"\\])*)" | \[(?P<class>(?:\\.|[^\]\\])*)\] | (?P<name>[a-z][a-z0-9]*)
    | \{(?P<least>\d+),(?P<most>\d+)\} | (?P<sign>[()|?]))""",
    re.VERBOSE,
)
ESCAPE = re.compile(r"\\(x[0-9A-F]{2}|.)")
ABOVE = "é\u2028中🙂\ue000\x80"
Choose = Callable[[int], int]  # returns a number below the given one
Node = Callable[[Choose], str]


def derive(grammar: str, choose: Choose) -> str:
    """Return a text that ``grammar`` lets through; each choice is made by ``choose``."""
    rules = dict(line.split(" ::= ", 1) for line in grammar.splitlines())
    parsed: dict[str, Node] = {}

    def rule(name: str) -> Node:
        if name not in parsed:
            parsed[name] = _Parser(rule, rules[name]).node()
        return parsed[name]

    return rule("root")(choose)


class _Parser:
    def __init__(self, rule: Callable[[str], Node], text: str) -> None:
        self._rule = rule
        self._tokens = list(TOKEN.finditer(text))
        assert "".join(one[0] for one in self._tokens) == text.rstrip(), text

    def node(self) -> Node:
        choices = [self._sequence()]
        while self._sign("|"):
            choices.append(self._sequence())
        return lambda choose: choices[choose(len(choices))](choose)

    def _sequence(self) -> Node:
        items: list[Node] = []
        while self._tokens and self._tokens[0]["sign"] not in {"|", ")", "?"}:
            items.append(self._repeated(self._item(self._tokens.pop(0))))
        return lambda choose: "".join(one(choose) for one in items)

    def _repeated(self, node: Node) -> Node:
        least, most = 1, 1
        if self._sign("?"):
            least = 0
        elif self._tokens and self._tokens[0]["most"]:
            token = self._tokens.pop(0)
            least, most = int(token["least"]), int(token["most"])
        return lambda choose: "".join(node(choose) for _ in range(least + choose(most - least + 1)))

    def _item(self, token: re.Match[str]) -> Node:
        if token["sign"] == "(":
            inside = self.node()
            assert self._sign(")")
            return inside
        if token["name"]:
            return lambda choose: self._rule(token["name"])(choose)  # noqa: PLW0108 - not before: a rule may hold itself
        if token["class"] is not None:
            characters = _class(token["class"])
            return lambda choose: characters[choose(len(characters))]
        literal = ESCAPE.sub(_escaped, token["literal"])
        return lambda _: literal

    def _sign(self, sign: str) -> bool:
        return bool(self._tokens) and self._tokens[0]["sign"] == sign and bool(self._tokens.pop(0))


def _class(text: str) -> str:
    """Return the characters of a class; of one that is negated, all of ASCII that is left, and some others."""
    plain = re.sub(r"\\x00-\\x1F", "".join(map(chr, range(32))).replace("\\", ""), text)
    plain = re.sub(r"(\d)-(\d)", lambda found: "".join(map(str, range(int(found[1]), int(found[2]) + 1))), plain)
    characters = ESCAPE.sub(_escaped, plain)
    if not text.startswith("^"):
        return characters
    return "".join(chr(code) for code in range(128) if chr(code) not in characters[1:]) + ABOVE


def _escaped(found: re.Match[str]) -> str:
    return chr(int(found[1][1:], 16)) if found[1][0] == "x" and len(found[1]) == 3 else found[1]
