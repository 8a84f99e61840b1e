"""What the server sends: JSON documents, and errors in Kubernetes' form."""

from __future__ import annotations

import msgspec

from sre_orchestrator.api.wire.resources import Json, Resource
from sre_orchestrator.api.wire.store import Ask, ExpiredError, Stored

JSON = "application/json"
READ_ONLY = "this is a read-only snapshot"


class Refusal(Exception):  # noqa: N818 - it is what the client is told
    """An answer that is a Status."""

    def __init__(self, code: int, reason: str, message: str, details: Json | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "details": details or {},
            "code": code,
        }


def unknown_path() -> Refusal:
    """Return the refusal of a path that is not served."""
    return Refusal(404, "NotFound", "the server could not find the requested resource")


def not_found(resource: Resource, name: str) -> Refusal:
    """Return the refusal of an object that does not exist."""
    details = {"name": name, "group": resource.group, "kind": resource.plural}
    return Refusal(404, "NotFound", f'{resource.qualified} "{name}" not found', details)


def forbidden(ask: Ask, name: str, why: str) -> Refusal:
    """Return the refusal of what may not be read."""
    resource = ask.resource
    where = f'in the namespace "{ask.namespace}"' if ask.namespace else "at the cluster scope"
    subject = f'{resource.qualified} "{name}" is forbidden' if name else f"{resource.qualified} is forbidden"
    message = (
        f'{subject}: User "snapshot" cannot {ask.verb} resource "{resource.plural}" in API group "{resource.group}" {where}'
        + (f": {why}" if why else "")
    )
    return Refusal(403, "Forbidden", message, {"name": name, "group": resource.group, "kind": resource.plural})


def expired(error: ExpiredError) -> Refusal:
    """Return the refusal of a version that is too old."""
    return Refusal(410, "Expired", str(error))


def bad_request(message: str) -> Refusal:
    """Return the refusal of a request that makes no sense."""
    return Refusal(400, "BadRequest", message)


def read_only(method: str) -> Refusal:
    """Return the refusal of a write."""
    return Refusal(405, "MethodNotAllowed", f"{method} is not allowed: {READ_ONLY}")


def head(resource: Resource, version: str) -> bytes:
    """Return the beginning of an object: an open brace, kind and apiVersion, a comma."""
    kind = {"kind": resource.kind, "apiVersion": resource.api_version(version)}
    return msgspec.json.encode(kind)[:-1] + b","


def whole(beginning: bytes, item: Stored) -> bytes:
    """Return an object with its kind."""
    return beginning + item.body[1:]


def metadata_only(item: Stored) -> bytes:
    """Return an object as PartialObjectMetadata."""
    kind = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    return msgspec.json.encode(kind | {"metadata": msgspec.json.decode(item.body, type=_Labelled).metadata})


def listing(kind: Json, metadata: Json, items: list[bytes]) -> bytes:
    """Return a list of encoded items."""
    return msgspec.json.encode(kind | {"metadata": metadata})[:-1] + b',"items":[' + b",".join(items) + b"]}"


def happened(kind: str, item: bytes) -> bytes:
    """Return one line of a watch."""
    return b'{"type":"' + kind.encode() + b'","object":' + item + b"}\n"


class _Labelled(msgspec.Struct):
    metadata: msgspec.Raw
