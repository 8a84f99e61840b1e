"""How a server is asked for an answer of a form: what it understands is found out once, from the best form down."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Literal, cast

import msgspec

from sre_orchestrator.core.language.ports import Message
from sre_orchestrator.core.models import Struct

Schema = Mapping[str, object]
Rung = Literal["json_schema", "json_object with schema", "json_object", "plain"]
RUNGS: tuple[Rung, ...] = ("json_schema", "json_object with schema", "json_object", "plain")
NEEDLESS = ("stream_options", "temperature", "seed")
TOKENS, OLD_TOKENS = "max_completion_tokens", "max_tokens"
INSTRUCTION = "Answer with one JSON object and nothing else. It must fit this JSON Schema: "
# What the strict mode of OpenAI's and Azure's service does not know; our own check of an answer does.
UNKNOWN_WHEN_STRICT = {
    *("minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("pattern", "default", "examples", "discriminator", "title"),
}


class Habit(Struct, frozen=True, kw_only=True):
    """What works with one model of one server: the form that it is asked for, and what it must not be told."""

    rung: Rung = "json_schema"
    tokens: str = OLD_TOKENS
    without: tuple[str, ...] = ()

    def lower(self) -> Habit | None:
        """Return the next form, which asks less of the server."""
        place = RUNGS.index(self.rung) + 1
        return msgspec.structs.replace(self, rung=RUNGS[place]) if place < len(RUNGS) else None

    def after(self, said: str) -> Habit | None:
        """Return what to try next when the server refused a request as wrong, and said so in ``said``."""
        if "response_format" not in said:
            for name in NEEDLESS:
                if name in said and name not in self.without:
                    return msgspec.structs.replace(self, without=(*self.without, name))
            if self.tokens in said and self.tokens not in self.without:
                other = OLD_TOKENS if self.tokens == TOKENS else TOKENS
                return msgspec.structs.replace(self, tokens=other, without=(*self.without, self.tokens, other))
        return self.lower()


def request(
    habit: Habit, messages: Sequence[Message], schema: Schema, *, tokens: int, hosted: bool
) -> dict[str, object]:
    """Return what is sent, without the model's name: the same question gets, as far as a server can, the same answer."""
    closed = cast("Schema", _closed(_rooted(schema), strict=hosted))
    turns = [{"role": one.role, "content": one.content} for one in messages]
    optional: dict[str, object] = {"stream_options": {"include_usage": True}, "temperature": 0, "seed": 0}
    body: dict[str, object] = {name: value for name, value in optional.items() if name not in habit.without}
    body[habit.tokens] = tokens
    if habit.rung == "json_schema":
        return body | {"messages": turns, "response_format": _format(closed)}
    body["messages"] = _told(turns, INSTRUCTION + json.dumps(closed, separators=(",", ":")))
    if habit.rung == "json_object with schema":
        body["response_format"] = {"type": "json_object", "schema": closed}
    if habit.rung == "json_object":
        body["response_format"] = {"type": "json_object"}
    return body


def fitting(text: str, schema: Schema) -> str | None:
    """Return the JSON object in an answer that holds what ``schema`` requires, also if there are words around it."""
    required = set(cast("Sequence[str]", _rooted(schema).get("required", ())))
    decoder = json.JSONDecoder()
    place = text.find("{")
    for _ in range(20):
        if place < 0:
            break
        try:
            found, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place = text.find("{", place + 1)
            continue
        if isinstance(found, dict) and required <= found.keys():
            return text[place:end]
        place = text.find("{", end)
    return None


def _told(turns: list[dict[str, str]], instruction: str) -> list[dict[str, str]]:
    """Say it where instructions are said, at the end of the first message of the system."""
    if turns and turns[0]["role"] == "system":
        return [{"role": "system", "content": f"{turns[0]['content']}\n\n{instruction}"}, *turns[1:]]
    return [{"role": "system", "content": instruction}, *turns]


def _format(schema: Schema) -> dict[str, object]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}


def _rooted(schema: Schema) -> Schema:
    """Return a schema whose root is the object itself, which many servers want."""
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    parts = cast("Mapping[str, Schema]", schema.get("$defs", {}))
    if name not in parts:
        return schema
    others = {key: value for key, value in schema.items() if key != "$ref"}
    return {**parts[name], **others}


def _closed(schema: object, *, strict: bool) -> object:
    """Return a schema in which every object has all its properties and no others."""
    if isinstance(schema, list):
        return [_closed(one, strict=strict) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    kept: dict[str, object] = {}
    for key, value in schema.items():
        if key in {"properties", "$defs"}:
            kept[key] = {name: _closed(one, strict=strict) for name, one in value.items()}
        elif key in {"enum", "const", "default", "required"}:
            kept[key] = value
        elif not (strict and key in UNKNOWN_WHEN_STRICT):
            kept[key] = _closed(value, strict=strict)
    if strict:
        kept = {key: value for key, value in kept.items() if key not in UNKNOWN_WHEN_STRICT}
    if isinstance(properties := kept.get("properties"), dict):
        kept |= {"required": list(properties), "additionalProperties": False}
    return kept
