"""Label and field selectors of list and watch."""

from __future__ import annotations

import re
from collections.abc import Callable

from sre_orchestrator.api.wire.resources import Json
from sre_orchestrator.api.wire.store import Stored

Test = Callable[[Stored], bool]
# kubectl describe looks for the events of an object's uid; recordings of other tools have events without it
LENIENT = "involvedObject.uid"
_TERMS = re.compile(r"(?:[^,(]|\([^)]*\))+")
_SET = re.compile(r"(\S+)\s+(in|notin)\s+\(([^)]*)\)")
_EQUAL = re.compile(r"([^=!]+?)\s*(==|=|!=)\s*(.*)")
_KEY = re.compile(r"[\w./-]+")


class SelectorError(ValueError):
    """A selector that cannot be read."""


def labels_match(text: str) -> Test | None:
    """Return the test of a label selector, ``None`` for the empty one.

    Raises:
        SelectorError: it cannot be read.

    """
    tests = [_label(term.strip()) for term in _TERMS.findall(text) if term.strip()]
    if not tests:
        return None
    return lambda item: all(test(item.labels) for test in tests)


def fields_match(text: str) -> Test | None:
    """Return the test of a field selector, ``None`` for the empty one; an absent field is the empty text.

    Raises:
        SelectorError: it cannot be read.

    """
    terms = [_field(term.strip()) for term in text.split(",") if term.strip()]
    if not terms:
        return None

    def test(item: Stored) -> bool:
        body: Json | None = None
        for path, value, wanted in terms:
            if path in ("metadata.name", "metadata.namespace"):
                found: str | None = item.key[1] if path == "metadata.name" else item.key[0]
            else:
                body = body if body is not None else item.json()
                found = _at(body, path)
                if not found and path == LENIENT:
                    continue
            if (found == value) is not wanted:
                return False
        return True

    return test


def both(one: Test | None, other: Test | None) -> Test | None:
    """Return the test that holds where both hold."""
    if one is None or other is None:
        return one or other
    return lambda item: one(item) and other(item)


def _label(term: str) -> Callable[[dict[str, str]], bool]:
    if found := _SET.fullmatch(term):
        key, values = found[1], {value.strip() for value in found[3].split(",")}
        wanted = found[2] == "in"
        return lambda labels: (labels.get(key) in values) is wanted
    if found := _EQUAL.fullmatch(term):
        key, value, wanted = found[1].strip(), found[3], found[2] != "!="
        return lambda labels: (labels.get(key) == value) is wanted
    key = term.lstrip("!")
    if not _KEY.fullmatch(key):
        raise SelectorError(f"unable to parse requirement: {term!r}")
    wanted = not term.startswith("!")
    return lambda labels: (key in labels) is wanted


def _field(term: str) -> tuple[str, str, bool]:
    found = _EQUAL.fullmatch(term)
    if not found:
        raise SelectorError(f"invalid selector: {term!r}; can't understand it")
    return found[1].strip(), found[3], found[2] != "!="


def _at(body: Json, path: str) -> str:
    node: object = body
    for step in path.split("."):
        node = node.get(step) if isinstance(node, dict) else None
    if isinstance(node, bool):
        return str(node).lower()
    return "" if node is None else str(node)
