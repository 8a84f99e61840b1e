"""Turns the JSON Schema of an answer into a grammar (GBNF): whatever it lets through is JSON that can be decoded.

llama.cpp's own conversion lets raw control characters and numbers without bounds through, and knows no default
lengths; an answer is small, so what its schema may say is, too: objects, lists, texts, numbers, closed lists.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import cast

from sre_orchestrator.core.errors import ModelError

Schema = Mapping[str, object]
LONGEST_TEXT = 200
MOST_ITEMS = 8
MOST_REPEATED = 1000  # llama.cpp refuses grammars that repeat more
MOST_WHOLE_NUMBERS = 200  # within bounds so close, each is spelled out
STEPS = 10  # of a number within bounds, such as a confidence
# No escapes of the form \uXXXX: halves of a pair are no text; every character may be written as it is.
CHARACTER = r'char ::= [^"\\\x00-\x1F\x7F] | "\\" ["\\bfnrt]'
WHOLE = 'whole ::= "-"? ("0" | [1-9] [0-9]{0,14})'
GAP = 'gap ::= " "?'
FIXED = {"boolean": '("true" | "false")', "null": '"null"'}
UNDERSTOOD = {
    "$ref", "$defs", "title", "description", "default", "type", "enum", "const", "anyOf", "properties", "required",
    "additionalProperties", "items", "minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum",
    "exclusiveMinimum", "exclusiveMaximum", "examples", "discriminator",
}  # fmt: skip


def grammar(schema: Schema) -> str:
    """Return a grammar of JSON texts that fit ``schema``, as ``msgspec.json.schema`` writes it.

    Each property is there, in the order of the schema, also those with defaults. A text without ``maxLength`` has at
    most 200 characters, a list without ``maxItems`` at most 8 items; a number within bounds is one of eleven, and any
    other number is whole.

    Raises:
        ModelError: the schema says something else; that is a mistake of ours.

    """
    rules = _Rules(cast("Mapping[str, Schema]", schema.get("$defs", {})))
    return "\n".join([f"root ::= {rules.of(schema)}", *rules.written.values(), CHARACTER, WHOLE, GAP]) + "\n"


class _Rules:
    """The rules of the named parts of a schema, each written once; a part may hold itself."""

    def __init__(self, parts: Mapping[str, Schema]) -> None:
        self._parts = parts
        self.written: dict[str, str] = {}

    def of(self, schema: Schema) -> str:
        """Return what stands for ``schema``."""
        if strange := sorted(schema.keys() - UNDERSTOOD):
            raise ModelError(f"the schema of an answer says {strange[0]!r}, which no grammar holds")
        if "$ref" in schema:
            return self._named(str(schema["$ref"]).rpartition("/")[2])
        if "anyOf" in schema:
            return "(" + " | ".join(self.of(one) for one in cast("list[Schema]", schema["anyOf"])) + ")"
        if "enum" in schema or "const" in schema:
            return _closed(cast("list[object]", schema.get("enum", [schema.get("const")])))
        return self._typed(schema)

    def _typed(self, schema: Schema) -> str:
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema)
        if kind == "array":
            return self._list(schema)
        if kind == "string":
            return f'"\\"" char{_times(schema, "Length", LONGEST_TEXT)} "\\""'
        if kind in {"integer", "number"}:
            return _number(schema, whole=kind == "integer")
        if kind in FIXED:
            return FIXED[str(kind)]
        raise ModelError(f"the schema of an answer says {kind!r}, which no grammar holds")

    def _named(self, name: str) -> str:
        rule = f"part{list(self._parts).index(name)}"
        if rule not in self.written:
            self.written[rule] = ""  # it may hold itself
            self.written[rule] = f"{rule} ::= {self.of(self._parts[name])}"
        return rule

    def _object(self, schema: Schema) -> str:
        if isinstance(schema.get("additionalProperties"), Mapping):
            raise ModelError("the schema of an answer leaves names open, which no grammar holds")
        properties = cast("Mapping[str, Schema]", schema.get("properties", {}))
        members = [f'{_literal(name)} ":" gap {self.of(one)}' for name, one in properties.items()]
        return '"{" ' + ' "," gap '.join(members) + ' "}"'

    def _list(self, schema: Schema) -> str:
        least, most = _bounds(schema, "Items", MOST_ITEMS)
        if most == 0:
            return '"[]"'
        item = self.of(cast("Schema", schema.get("items", {})))
        some = f'{item} ("," gap {item}){{{max(least - 1, 0)},{most - 1}}}'
        return f'"[" {some} "]"' if least else f'"[" ({some})? "]"'


def _times(schema: Schema, what: str, default: int) -> str:
    least, most = _bounds(schema, what, default)
    return f"{{{least},{most}}}"


def _bounds(schema: Schema, what: str, default: int) -> tuple[int, int]:
    least = int(cast("int", schema.get(f"min{what}", 0)))
    most = int(cast("int", schema.get(f"max{what}", max(default, least))))
    if least > MOST_REPEATED:
        raise ModelError(f"the schema of an answer wants {least} of something; {MOST_REPEATED} are the most")
    return least, min(most, MOST_REPEATED)


def _number(schema: Schema, *, whole: bool) -> str:
    least = cast("float | None", schema.get("minimum", schema.get("exclusiveMinimum")))
    most = cast("float | None", schema.get("maximum", schema.get("exclusiveMaximum")))
    if least is None or most is None:
        return _half_open(schema, least, most)
    if whole:
        inside = range(int(least) + ("exclusiveMinimum" in schema), int(most) + ("exclusiveMaximum" not in schema))
        if len(inside) > MOST_WHOLE_NUMBERS:
            raise ModelError(
                f"the schema of an answer wants one of {len(inside)} numbers; {MOST_WHOLE_NUMBERS} are the most"
            )
        return _closed(list(inside))
    steps = (round(least + (most - least) * step / STEPS, 6) for step in range(STEPS + 1))
    within = dict.fromkeys(min(max(one, least), most) for one in steps)
    outside = {least} if "exclusiveMinimum" in schema else set()
    outside |= {most} if "exclusiveMaximum" in schema else set()
    return _closed([one for one in within if one not in outside])


def _half_open(schema: Schema, least: float | None, most: float | None) -> str:
    if least is None and most is None:
        return "whole"
    if most is None and least == 0:
        return "([1-9] [0-9]{0,14})" if "exclusiveMinimum" in schema else '("0" | [1-9] [0-9]{0,14})'
    raise ModelError("the schema of an answer bounds a number on one side only; say both")


def _closed(values: Sequence[object]) -> str:
    if not values:
        raise ModelError("the schema of an answer leaves nothing to choose from")
    return "(" + " | ".join(_literal(one) for one in values) + ")"


def _literal(value: object) -> str:
    """Return JSON as a literal of the grammar; JSON is ASCII here, so only two characters mean something there."""
    written = json.dumps(value)
    return '"' + written.replace("\\", "\\\\").replace('"', '\\"') + '"'
