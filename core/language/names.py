"""Finds names in text, the longest first, and says which names identify somebody at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sre_orchestrator.core.identity import kind_of, name_of, namespace_of
from sre_orchestrator.core.language.generic import GENERIC
from sre_orchestrator.core.models import Component, Fact, Incident
from sre_orchestrator.core.vocabulary import Vocabulary

SHORTEST = 2
_TOKEN = re.compile(r"[A-Za-z0-9]++|.", re.DOTALL)
_WORD = {"namespace": "ns", "node": "node", "persistentvolume": "volume", "storageclass": "volume"}
_MADE = frozenset({"pod", "replicaset", "job"})  # named by what made them
# What Kubernetes appends: ordinals, times, and the alphabet of its random names (k8s.io/apimachinery/pkg/util/rand).
APPENDED = re.compile(r"(?:-(?:\d{1,10}|[bcdfghjklmnpqrstvwxz2456789]{5,10}|[0-9a-f]{8,10}))+\Z")
NAMING = """
account callee caller chart claim container expected flow found image issuer job key name names named_workload nearest
nearest_class node peers_name quota release service storage_class target user volume volume_name wanted workload
"""
_NAMING = frozenset(NAMING.split())  # attributes that name what may not exist, or is no component: a missing account
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*[A-Za-z0-9]", re.ASCII)
_IMAGE_END = re.compile(r"@sha256:[0-9a-f]*\Z|:[\w.-]*\Z", re.ASCII)


@dataclass(slots=True)
class _Node:
    """What may follow; ``name`` is set where a name ends."""

    name: str | None = None
    after: dict[str, _Node] = field(default_factory=dict)


class Names:
    """Names and kept terms as a tree of words; finds them in any case, at the borders of words only."""

    def __init__(self, terms: Iterable[str] = ()) -> None:
        self._root = _Node()
        for term in (*GENERIC, *terms):
            self._put(term, "")

    def add(self, name: str) -> None:
        """Add a name that is to be found; a kept term, a number or a letter is none."""
        if len(name) >= SHORTEST and not name.isdigit() and self.at(name, 0) != (len(name), ""):
            self._put(name, name.lower())

    def at(self, text: str, start: int) -> tuple[int, str] | None:
        """Return where the longest name that begins at ``start`` ends, and the name in small letters (empty: a term)."""
        node, found = self._root, None
        while token := _TOKEN.match(text, start):
            following = node.after.get(token[0].lower())
            if following is None:
                break
            node, start = following, token.end()
            if node.name is not None:
                found = (start, node.name)
        return found

    def whole(self, text: str) -> str | None:
        """Return the name that ``text`` is, empty for a kept term."""
        found = self.at(text, 0)
        return found[1] if found and found[0] == len(text) else None

    def _put(self, name: str, value: str) -> None:
        node = self._root
        for token in _TOKEN.findall(name.lower()):
            node = node.after.setdefault(token, _Node())
        node.name = value


def names_in(components: Iterable[Component], incident: Incident) -> dict[str, str]:
    """Return the names of an incident's cluster, each with the word that its pseudonym begins with.

    What a pod's or a job's name has after that of its workload stays where it is, so that both are seen to belong
    together: ``cart`` and ``cart-6f8b9d7c5-xw9lm``.
    """
    words: dict[str, str] = {}
    every = list(components)
    spaces = {namespace_of(one.id) for one in every} | set(re.split(r"[,\s]+", incident.namespace))
    words.update(dict.fromkeys(sorted(spaces), "ns"))
    # what a name may be an ending of comes first
    for one in sorted(every, key=lambda one: (kind_of(one.id) in _MADE, len(one.id), one.id)):
        kind, name = kind_of(one.id), name_of(one.id)
        if not _belongs(name, words):
            words.setdefault(APPENDED.sub("", name) if kind in _MADE else name, _WORD.get(kind, "app"))
    words.setdefault(incident.cluster, "cluster")
    return {name: word for name, word in words.items() if name.strip()}


def terms_of(vocabulary: Vocabulary, causes: Iterable[str]) -> Iterator[str]:
    """Yield what the program itself calls things: kinds of facts, their closed values, causes."""
    yield from causes
    for name, kind in vocabulary.kinds.items():
        yield name
        for attribute, about in kind.attributes.items():
            yield from (attribute, *about.values)


def names_of(facts: Iterable[Fact]) -> dict[str, str]:
    """Return the names that facts tell, of what is missing and of parts such as containers too."""
    words: dict[str, str] = {}
    for fact in facts:
        for attribute, value in fact.attributes.items():
            if attribute in _NAMING and isinstance(value, str):
                parts = re.split(r"[\s,=/]+", _IMAGE_END.sub("", value) if attribute == "image" else value)
                named = (part for part in parts if _NAME.fullmatch(part) and not _plain(part))
                words.update(dict.fromkeys(named, "user" if attribute == "user" else "app"))
    return words


def _plain(name: str) -> bool:
    """Return whether a name is made of words that name nobody, or is an address, which has a pseudonym by its shape."""
    return set(re.split(r"[._-]", name.lower())) <= GENERIC or not re.search(r"[A-Za-z]", name) or "." in name


def _belongs(name: str, names: dict[str, str]) -> bool:
    """Return whether a name is another one and an ending that names nobody."""
    return any(
        name[:end] in names and (APPENDED.fullmatch(name, end) or set(name[end + 1 :].split("-")) <= GENERIC)
        for end in _dashes(name)
    )


def _dashes(name: str) -> Iterator[int]:
    return (place for place, sign in enumerate(name) if sign == "-")
