"""Reads requests: the path of a resource, the options of list, watch and log, the form of the answer."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Literal, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from sre_orchestrator.api.wire.ages import moment
from sre_orchestrator.api.wire.answers import bad_request
from sre_orchestrator.api.wire.logs import LogOptions
from sre_orchestrator.api.wire.resources import Resource
from sre_orchestrator.api.wire.store import Key, Store
from sre_orchestrator.core.models import Struct

T = TypeVar("T")
Form = Literal["object", "table", "metadata"]
_Count = Annotated[int, msgspec.Meta(ge=0)]


class Path(Struct, frozen=True, kw_only=True):
    """What a path names; ``name`` is empty for a list."""

    resource: Resource
    version: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


class Query(Struct, frozen=True, kw_only=True, rename="camel"):
    """The options that list and watch know."""

    watch: bool = False
    limit: _Count = 0
    start: str = msgspec.field(name="continue", default="")
    label_selector: str = ""
    field_selector: str = ""
    resource_version: str = ""
    resource_version_match: str = ""
    send_initial_events: bool = False
    allow_watch_bookmarks: bool = False
    timeout_seconds: _Count = 0
    include_object: str = "Metadata"


class LogQuery(Struct, frozen=True, kw_only=True, rename="camel"):
    """The options that ``pods/log`` knows."""

    container: str = ""
    previous: bool = False
    follow: bool = False
    tail_lines: int = -1
    limit_bytes: int = -1
    since_seconds: int = 0
    since_time: str = ""
    timestamps: bool = False

    def options(self, now: datetime) -> LogOptions:
        """Return what lines are asked for."""
        since = moment(self.since_time)
        if self.since_seconds:
            since = datetime.fromtimestamp(now.timestamp() - self.since_seconds, now.tzinfo)
        return LogOptions(
            since=since, tail_lines=self.tail_lines, limit_bytes=self.limit_bytes, timestamps=self.timestamps
        )


class Token(Struct, frozen=True, kw_only=True):
    """Where a page ended: the version of the list, its last key."""

    version: int
    namespace: str
    name: str

    @property
    def key(self) -> Key:
        """Return the last key."""
        return self.namespace, self.name

    def text(self) -> str:
        """Return what the client sends back."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode()


def steps_of(target: str) -> list[str]:
    """Return the steps of a request's path, decoded one by one."""
    return [unquote(step) for step in urlsplit(target).path.split("/") if step]


def path_of(steps: list[str], store: Store) -> Path | None:
    """Return what ``/api/v1/…`` or ``/apis/GROUP/VERSION/…`` names, ``None`` where nothing of that name is served."""
    match steps:
        case ["api", version, *rest] if rest:
            group = ""
        case ["apis", group, version, *rest] if rest:
            pass
        case _:
            return None
    match rest:
        case ["namespaces", namespace, plural, *rest] if resource := store.find(group, version, plural):
            pass
        case [plural, *rest]:
            namespace, resource = "", store.find(group, version, plural)
    match rest, resource:
        case _, None:
            return None
        case [name, subresource], Resource():
            return Path(resource=resource, version=version, namespace=namespace, name=name, subresource=subresource)
        case [name], Resource():
            return Path(resource=resource, version=version, namespace=namespace, name=name)
        case [], Resource():
            return Path(resource=resource, version=version, namespace=namespace)
    return None


def query_of(target: str) -> Query:
    """Return the options of a list or watch.

    Raises:
        Refusal: an option has no sense.

    """
    return _read(target, Query)


def log_query_of(target: str) -> LogQuery:
    """Return the options of a log.

    Raises:
        Refusal: an option has no sense.

    """
    return _read(target, LogQuery)


def token_of(text: str) -> Token:
    """Return where the next page starts.

    Raises:
        Refusal: this server never gave that token.

    """
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text), type=Token)
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error, ValueError) as error:
        raise bad_request("continue key is not valid") from error


def form_of(accept: str) -> Form:
    """Return the first form in an Accept header that is served; everything is JSON."""
    for entry in accept.split(","):
        if "as=Table" in entry and "g=meta.k8s.io" in entry:
            return "table"
        if "as=PartialObjectMetadata" in entry:
            return "metadata"
    return "object"


def _read(target: str, kind: type[T]) -> T:
    options = dict(parse_qsl(urlsplit(target).query, keep_blank_values=False))
    try:
        return msgspec.convert(options, kind, strict=False)
    except msgspec.ValidationError as error:
        raise bad_request(f"invalid option: {error}") from error
