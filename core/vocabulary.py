"""The fact kinds that agents may write and rules may read: one schema for both sides."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from datetime import datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from math import isfinite
from pathlib import Path
from typing import Literal

from sre_orchestrator.core.cache import digest_of, remember, remembered
from sre_orchestrator.core.documents import DocumentError, read_yaml
from sre_orchestrator.core.errors import RuleError
from sre_orchestrator.core.models import Fact, Step, Struct

AttributeType = Literal["string", "integer", "number", "boolean", "time"]
SymptomClass = Literal["restarts", "unavailable", "errors", "slow"]
_PYTHON: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "time": (str,),
}


class Attribute(Struct, frozen=True, kw_only=True):
    """One attribute: its type, unit (also the suffix of its name) and closed values if any.

    ``time`` is an RFC 3339 string in UTC to the second, so that it sorts.
    """

    type: AttributeType = "string"
    unit: str = ""
    about: str = ""
    values: tuple[str, ...] = ()


class FactKind(Struct, frozen=True, kw_only=True):
    """One fact kind: what it says, about which component kinds, who emits it.

    ``symptom`` is the class of symptom that the fact shows, if it is one; ``change`` marks kinds
    that go on the timeline as a change; ``undo`` says how such a change is looked at and taken back, its commands
    filled with ``{name}`` and ``{namespace}`` of the component and with attributes. ``derived`` kinds are asserted by
    rules only.
    """

    about: str
    component: str
    agents: tuple[str, ...] = ()
    attributes: dict[str, Attribute] = {}
    symptom: SymptomClass | None = None
    change: bool = False
    undo: tuple[Step, ...] = ()
    derived: bool = False


class Vocabulary:
    """All fact kinds of the installation; ``problems`` names the files of plugins that were refused."""

    def __init__(self, kinds: dict[str, FactKind], problems: Sequence[str] = ()) -> None:
        self.kinds = kinds
        self.problems = tuple(problems)

    def complaint(self, fact: Fact) -> str:
        """Return why ``fact`` is malformed or not in the vocabulary, or ``""``."""
        if malformed := _malformed(fact):
            return malformed
        kind = self.kinds.get(fact.kind)
        if kind is None:
            return f"unknown fact kind {fact.kind!r}{nearest(fact.kind, self.kinds)}"
        for name, value in fact.attributes.items():
            attribute = kind.attributes.get(name)
            if attribute is None:
                return f"{fact.kind}: unknown attribute {name!r}{nearest(name, kind.attributes)}"
            if not fits(value, attribute.type):
                return f"{fact.kind}: {name} must be {attribute.type}, got {type(value).__name__}"
        return ""


def _malformed(fact: Fact) -> str:
    """Return what no ``Observer`` would make: structs do not check the types that they are given."""
    texts = (fact.id, fact.kind, fact.component, fact.agent, fact.query, fact.cluster)
    at = fact.observed_at
    if not all(isinstance(text, str) for text in texts):
        return "a fact whose id, kind, component, agent, query or cluster is no text"
    if at is not None and not (isinstance(at, datetime) and at.tzinfo):
        return f"{fact.kind}: observed_at must be a time with a zone"
    if not isinstance(fact.attributes, dict) or not all(isinstance(name, str) for name in fact.attributes):
        return f"{fact.kind}: attributes must be a mapping from names to values"
    return ""


def load_vocabulary(folders: Iterable[Traversable] = (), *, cache: Path | None = None) -> Vocabulary:
    """Read the built-in vocabulary and those of plugins (folders of YAML files, kind → FactKind).

    A file of a plugin that cannot be read, or declares a kind again, is refused and named in ``problems``.
    With ``cache`` (a folder), the built-in vocabulary is kept there.

    Raises:
        RuleError: a built-in file cannot be used.

    """
    kinds, origin = _builtin(cache)
    problems: list[str] = []
    for folder in folders:
        try:
            for path in _files(folder):
                kinds |= _declared(path, origin)
        except RuleError as error:
            problems.append(str(error))
    return Vocabulary(kinds, problems)


def nearest(word: str, words: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` or ``""``.

    >>> nearest("pod.fase", ["pod.phase", "node.unit"])
    "; did you mean 'pod.phase'?"
    """
    close = difflib.get_close_matches(word, list(words), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _builtin(cache: Path | None) -> tuple[dict[str, FactKind], dict[str, str]]:
    """Return the built-in kinds, and the file that declares each."""
    paths = _files(files("sre_orchestrator.core") / "kinds")
    name = f"kinds-{digest_of(part for path in paths for part in (str(path).encode(), path.read_bytes()))}"
    known = remembered(cache, name, tuple[dict[str, FactKind], dict[str, str]])
    if known is not None:
        return known
    kinds: dict[str, FactKind] = {}
    origin: dict[str, str] = {}
    for path in paths:
        kinds |= _declared(path, origin)
    remember(cache, name, (kinds, origin))
    return kinds, origin


def _files(folder: Traversable) -> list[Traversable]:
    try:
        return sorted((one for one in folder.iterdir() if one.name.endswith(".yaml")), key=lambda one: one.name)
    except OSError as error:
        raise RuleError(f"{folder}: cannot be read: {error.strerror}; give a folder of YAML files") from error


def _declared(path: Traversable, origin: dict[str, str]) -> dict[str, FactKind]:
    try:
        declared = read_yaml(path.read_bytes(), dict[str, FactKind])
    except (OSError, DocumentError) as error:
        raise RuleError(f"{path}: {error}; see docs/reference/vocabulary.md for the keys") from error
    for kind in declared:
        if kind in origin:
            raise RuleError(f"{path}: fact kind {kind!r} is already declared in {origin[kind]}; rename one of them")
    origin |= dict.fromkeys(declared, str(path))
    return declared


def fits(value: object, kind: AttributeType) -> bool:
    """Say whether ``value`` has the type that an attribute declares: a boolean is no number, and neither is NaN."""
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _PYTHON[kind]) and not (isinstance(value, float) and not isfinite(value))
