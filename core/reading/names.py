"""Finds the components that a text names, also where they are spelled or inflected in another way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from sre_orchestrator.core.identity import kind_of, name_of, namespace_of
from sre_orchestrator.core.models import Component
from sre_orchestrator.core.reading.words import MOST_CHARACTERS, terms

NAMEABLE = ("deployment", "statefulset", "daemonset", "cronjob", "job", "service", "ingress", "node", "pod")
WORD = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
SEPARATORS = re.compile(r"[._-]+")
SUFFIX = re.compile(r"[-_]?(?:service|svc)$")
TOGETHER = 4  # words that may be one name
LEAST = 4  # letters of a name that is spelled in another way


def named(description: str, components: Iterable[Component], namespaces: Iterable[str]) -> tuple[str, ...]:
    """Return the components of ``namespaces``, and those of none, that the text names.

    "check out service", "CheckoutService" and "des checkout-Dienstes" name ``checkout``, ``checkout-service`` and
    ``checkoutservice``: what is named exists, or it is nothing.
    """
    words = frozenset(WORD.findall(description.lower()))
    spelled = frozenset(_spellings(description[:MOST_CHARACTERS]))
    inside = frozenset(namespaces)
    found = []
    for component in components:
        namespace = namespace_of(component.id)
        if kind_of(component.id) not in NAMEABLE or (namespace and namespace not in inside):
            continue
        name = name_of(component.id).lower()
        short = SUFFIX.sub("", name)
        if name in words or short in words or not spelled.isdisjoint({_plain(name), _plain(short)}):
            found.append(component.id)
    return tuple(sorted(found))


def _plain(name: str) -> str:
    return SEPARATORS.sub("", name)


def _spellings(description: str) -> Iterator[str]:
    """Yield names, without separators, that words of the text may stand for."""
    words = [WORD.findall(part.lower()) for part in re.split(r"[\n,;:!?()]|\.\s", description)]
    for clause in words:
        yield from _joined(clause)
        for word in clause:
            yield from _bare(word)
    for word in re.findall(r"[A-Za-z0-9]+", description):
        humps = HUMP.split(word)
        if len(humps) > 1:
            yield from _joined([hump.lower() for hump in humps])


def _joined(words: list[str]) -> Iterator[str]:
    """Yield neighbours as one name: "check out", and "check out service" without its last word."""
    for start in range(len(words)):
        for end in range(start + 2, min(start + TOGETHER, len(words)) + 1):
            name = "".join(map(_plain, words[start:end]))
            if len(name) >= LEAST:
                yield name


def _bare(word: str) -> Iterator[str]:
    """Yield a word without separators, without a noun behind a hyphen, and without an ``s``."""
    head, _, noun = word.rpartition("-")
    bare = head if noun in _nouns() else word
    yield from (_plain(one) for one in (bare, bare.partition(".")[0]))
    plain = _plain(word)
    if plain.endswith("s") and len(plain) > LEAST:
        yield plain[:-1]


@cache
def _nouns() -> frozenset[str]:
    return frozenset(terms().nouns.split())
