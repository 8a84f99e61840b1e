"""Reads the stream of a watch: one JSON document a line, each an object that was added, changed or deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from sre_orchestrator.core.errors import SreError
from sre_orchestrator.plugins.objects.decoding import decode_object
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.sources.k8s.connection import PASSING, ApiError
from sre_orchestrator.plugins.sources.ports import Changed, Reached

CHANGES = ("ADDED", "MODIFIED", "DELETED")
# an object has 1.5 MiB at most (etcd's limit), more where escapes make it longer
MAX_LINE = 16 * 1024 * 1024


class Garbled(SreError):  # noqa: N818 - the stream is
    """A line that is no change: what it was meant to tell is unknown."""


class _Line(msgspec.Struct):
    type: str = ""
    object: msgspec.Raw = msgspec.Raw(b"{}")


class _Version(msgspec.Struct, rename="camel"):
    resource_version: str = ""


class _Versioned(msgspec.Struct):
    metadata: _Version = msgspec.field(default_factory=_Version)


class _Status(msgspec.Struct):
    code: int = 0
    message: str = ""


def lines_in(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the whole lines of a stream; a last line without an end was cut off and is left out.

    Raises:
        Garbled: a line is longer than any object.

    """
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from filter(None, map(bytes.strip, whole))
        if len(rest) > MAX_LINE:
            raise Garbled(f"a line of a watch is longer than {MAX_LINE} bytes")


def news_in(line: bytes, kind: type[Object]) -> Changed | Reached:
    """Return what a line of a watch tells.

    Raises:
        ApiError: the server ends the watch; status 410 when what follows is no longer known to it.
        Garbled: the line cannot be read.

    """
    try:
        read = msgspec.json.decode(line, type=_Line)
        if read.type == "ERROR":
            status = msgspec.json.decode(read.object, type=_Status)
            raise ApiError(f"{status.code} {status.message}", status.code, passing=status.code in PASSING)
        version = msgspec.json.decode(read.object, type=_Versioned).metadata.resource_version
        if read.type == "BOOKMARK":
            return Reached(kind=kind, resource_version=version)
        if read.type not in CHANGES:
            raise Garbled(f"a watch of {kind.__name__} tells of {read.type!r}")
        item = decode_object(read.object, kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Garbled(f"a watch of {kind.__name__} cannot be read: {error}") from error
    return Changed(kind=kind, item=item, resource_version=version, deleted=read.type == "DELETED")
