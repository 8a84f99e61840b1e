"""CloudEvents 1.0 over HTTP, structured, binary and in batches: https://github.com/cloudevents/spec."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import unquote

import msgspec

from sre_orchestrator.api.service.intake.words import namespace_of, namespaces
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.notices import Notice

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
OVER = ".resolved"
OURS = "io.sre-orchestrator."  # what we tell others never opens an incident here
Attribute = Annotated[str, msgspec.Meta(min_length=1)]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event; extension attributes are left out."""

    specversion: Literal["1.0"]
    id: Attribute
    source: Attribute
    type: Attribute
    subject: str | None = None
    time: datetime | None = None
    datacontenttype: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"")
    data_base64: str | None = None


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What we read of an event's data."""

    description: str = ""
    summary: str = ""
    message: str = ""
    namespace: str = ""
    labels: dict[str, str] = {}
    status: Literal["firing", "resolved"] | None = None
    fingerprint: str = ""


class CloudEvents:
    """The format ``cloudevents``."""

    name = "cloudevents"

    def notices(self, body: bytes, headers: Mapping[str, str]) -> Sequence[Notice]:
        """Return what each event says.

        Raises:
            InputError: the request holds no event.

        """
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == BATCH:
            return [_notice(one, _data(one)) for one in msgspec.json.decode(body, type=list[Event])]
        if kind == STRUCTURED:
            event = msgspec.json.decode(body, type=Event)
            return [_notice(event, _data(event))]
        if "ce-specversion" not in headers:
            raise InputError(
                f"content type {kind[:60]!r} without a header ce-specversion: is no CloudEvent; "
                f"send {STRUCTURED}, {BATCH}, or the attributes as headers ce-…"
            )
        found = {name.removeprefix("ce-"): unquote(value) for name, value in headers.items() if name.startswith("ce-")}
        return [_notice(msgspec.convert(found, Event, strict=False), _read(body, kind))]


def _data(event: Event) -> Said:
    kind = (event.datacontenttype or "application/json").partition(";")[0].strip().lower()
    if event.data_base64 is None:
        return _read(bytes(event.data), "application/json")
    try:
        return _read(base64.b64decode(event.data_base64, validate=True), kind)
    except binascii.Error as error:
        raise InputError(f"event {event.id[:60]!r}: data_base64 is no base64: {error}") from error


def _read(data: bytes, kind: str) -> Said:
    """Return what data say: an object, a text, or something that we do not understand and leave alone."""
    if kind == "application/json" or kind.endswith("+json"):
        found = msgspec.json.decode(
            data or b"null", type=dict[str, msgspec.Raw] | str | int | float | bool | list[msgspec.Raw] | None
        )
        if isinstance(found, dict):
            return msgspec.json.decode(data, type=Said)
        return Said(description=found) if isinstance(found, str) else Said()
    return Said(description=data.decode("utf-8", "replace")) if kind.startswith("text/") else Said()


def _notice(event: Event, said: Said) -> Notice:
    words = said.description or said.summary or said.message
    what = event.type.removesuffix(OVER)
    firing = said.status != "resolved" and not event.type.endswith(OVER) and not event.type.startswith(OURS)
    trouble = said.fingerprint or msgspec.json.encode((event.source, what, event.subject or words)).decode()
    return Notice(
        description=words or " ".join(part for part in (what, event.subject) if part),
        fingerprint=trouble,
        firing=firing,
        namespace=namespaces((said.namespace or namespace_of(said.labels)).split(",")),
        labels={**said.labels, "event_source": event.source, "event_type": event.type},
        at=event.time,
        key=msgspec.json.encode((event.source, event.id)).decode() if firing else "",
    )


FORMAT = CloudEvents()
