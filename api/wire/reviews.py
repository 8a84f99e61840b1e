"""Answers SelfSubjectAccessReview and SelfSubjectRulesReview; clients send them as JSON or as protobuf."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import msgspec

from sre_orchestrator.api.wire.resources import Json
from sre_orchestrator.api.wire.store import Ask, Store

PROTOBUF = b"k8s\0"
READING = frozenset({"get", "list", "watch"})
# k8s.io/api/authorization/v1/generated.proto and k8s.io/apimachinery/pkg/runtime/generated.proto
_RAW, _SPEC, _RESOURCE = 2, 2, 1
_ATTRIBUTES = {1: "namespace", 2: "verb", 3: "group", 4: "version", 5: "resource", 6: "subresource", 7: "name"}
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_RULES_NAMESPACE = 1


class ReviewError(ValueError):
    """A body that cannot be read."""


def access_review(body: bytes, store: Store) -> Json:
    """Return the review with its status.

    Raises:
        ReviewError: the body cannot be read.

    """
    spec = _access_spec(body)
    attributes = spec.get("resourceAttributes") or {}
    allowed = _allowed(attributes, store) if attributes else "nonResourceAttributes" in spec or not spec
    status: Json = {"allowed": allowed}
    if not allowed:
        status["reason"] = "this is a read-only snapshot"
    return _review("SelfSubjectAccessReview", spec, status)


def rules_review(body: bytes, store: Store) -> Json:
    """Return what may be read, by group.

    Raises:
        ReviewError: the body cannot be read.

    """
    spec = _rules_spec(body)
    namespace = str(spec.get("namespace") or "")
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for one in store.resources():
        verbs = tuple(
            verb for verb in sorted(READING) if store.allows(Ask(verb=verb, resource=one, namespace=namespace))
        )
        if verbs:
            groups[one.group, verbs] += [one.plural, "pods/log"] if one.qualified == "pods" else [one.plural]
    rules = [
        {"verbs": list(verbs), "apiGroups": [group], "resources": names} for (group, verbs), names in groups.items()
    ]
    others = [{"verbs": ["get"], "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/version", "/openapi/*"]}]
    status = {"resourceRules": rules, "nonResourceRules": others, "incomplete": False}
    return _review("SelfSubjectRulesReview", spec, status)


def _review(kind: str, spec: Json, status: Json) -> Json:
    return {"kind": kind, "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": spec, "status": status}


def _allowed(attributes: Json, store: Store) -> bool:
    verb, group, plural = (str(attributes.get(key) or "") for key in ("verb", "group", "resource"))
    if verb not in READING:
        return False
    asked = [one for one in store.resources() if group in ("*", one.group) and plural in ("*", one.plural)]
    namespace = str(attributes.get("namespace") or "")
    return bool(asked) and all(store.allows(Ask(verb=verb, resource=one, namespace=namespace)) for one in asked)


def _access_spec(body: bytes) -> Json:
    if not body.startswith(PROTOBUF):
        return _json_spec(body)
    spec = _message(_message(body[len(PROTOBUF) :]).get(_RAW, b"")).get(_SPEC, b"")
    attributes = _message(spec).get(_RESOURCE)
    if attributes is None:
        return {"nonResourceAttributes": {}}
    found = _message(attributes)
    return {"resourceAttributes": {name: found[n].decode() for n, name in _ATTRIBUTES.items() if n in found}}


def _rules_spec(body: bytes) -> Json:
    if not body.startswith(PROTOBUF):
        return _json_spec(body)
    spec = _message(_message(body[len(PROTOBUF) :]).get(_RAW, b"")).get(_SPEC, b"")
    return {"namespace": _message(spec).get(_RULES_NAMESPACE, b"").decode()}


def _json_spec(body: bytes) -> Json:
    try:
        review = msgspec.json.decode(body, type=Json)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReviewError(f"the review cannot be read: {error}") from error
    spec = review.get("spec")
    return spec if isinstance(spec, dict) else {}


def _message(text: bytes) -> dict[int, bytes]:
    """Return the fields of a protobuf message that hold bytes."""
    try:
        return dict(_fields(text))
    except IndexError as error:
        raise ReviewError("the review cannot be read: its protobuf is cut off") from error


def _fields(text: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(text):
        tag, at = _varint(text, at)
        wire = tag & 7
        if wire == _BYTES:
            size, at = _varint(text, at)
            if at + size > len(text):
                raise IndexError
            yield tag >> 3, text[at : at + size]
            at += size
        elif wire == _VARINT:
            _, at = _varint(text, at)
        elif wire in (_FIXED32, _FIXED64):
            at += 4 if wire == _FIXED32 else 8
        else:
            raise ReviewError(f"the review cannot be read: protobuf of wire type {wire}")


def _varint(text: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = text[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if not byte & 128:
            return value, at
