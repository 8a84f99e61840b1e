"""The fact kinds that agents may write and rules may read: one schema for both sides."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Literal

import msgspec

from sre_orchestrator.core.errors import RuleError
from sre_orchestrator.core.models import Fact, Struct

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
    that go on the timeline as a change. ``derived`` kinds are asserted by rules only.
    """

    about: str
    component: str
    agents: tuple[str, ...] = ()
    attributes: dict[str, Attribute] = {}
    symptom: SymptomClass | None = None
    change: bool = False
    derived: bool = False


class Vocabulary:
    """All fact kinds of the installation."""

    def __init__(self, kinds: dict[str, FactKind]) -> None:
        self.kinds = kinds

    def complaint(self, fact: Fact) -> str:
        """Return why ``fact`` is not in the vocabulary, or ``""``."""
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


def load_vocabulary(folders: Iterable[Traversable] = ()) -> Vocabulary:
    """Read the built-in vocabulary and those of plugins (folders of YAML files, kind → FactKind).

    Raises:
        RuleError: a file cannot be read, or two files declare one kind.

    """
    kinds: dict[str, FactKind] = {}
    origin: dict[str, str] = {}
    for folder in (files("sre_orchestrator.core") / "kinds", *folders):
        for path in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if not path.name.endswith(".yaml"):
                continue
            for kind, declared in _read(path).items():
                if kind in kinds:
                    raise RuleError(
                        f"{path}: fact kind {kind!r} is already declared in {origin[kind]}; rename one of them"
                    )
                kinds[kind], origin[kind] = declared, str(path)
    return Vocabulary(kinds)


def nearest(word: str, words: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` or ``""``.

    >>> nearest("pod.fase", ["pod.phase", "node.unit"])
    "; did you mean 'pod.phase'?"
    """
    close = difflib.get_close_matches(word, list(words), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _read(path: Traversable) -> dict[str, FactKind]:
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=dict[str, FactKind])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RuleError(f"{path}: {error}; see docs/reference/vocabulary.md for the keys") from error


def fits(value: object, kind: AttributeType) -> bool:
    """Say whether ``value`` has the type that an attribute declares (a boolean is no number)."""
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _PYTHON[kind])
