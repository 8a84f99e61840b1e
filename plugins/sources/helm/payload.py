"""Decodes what Helm keeps of one revision: base64 of a gzipped JSON document, bounded.

Format: helm.sh/helm/v3/pkg/storage/driver/util.go and pkg/release; Helm 4 writes the same with fields of its own.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from datetime import datetime
from typing import TypeVar

import msgspec

from sre_orchestrator.core.redact import without_secrets
from sre_orchestrator.plugins.objects.meta import Object
from sre_orchestrator.plugins.sources.helm.manifest import objects_of
from sre_orchestrator.plugins.sources.helm.values import flat_values
from sre_orchestrator.plugins.sources.ports import Release, ReleaseHook, ReleaseRecord

T = TypeVar("T")
MAX_BYTES = 32 * 1024**2  # a Secret holds 1 MiB; what it unpacks to is mostly text
GZIP = b"\x1f\x8b\x08"
_GZIP_WINDOW = 31


class BadPayload(Exception):  # noqa: N818 - becomes a gap
    """Why a record cannot be decoded."""


class _Info(msgspec.Struct):
    first_deployed: str = ""
    last_deployed: str = ""
    description: str = ""
    status: str = ""


class _ChartMetadata(msgspec.Struct, rename="camel"):
    name: str = ""
    version: str = ""
    app_version: str | None = ""


class _Chart(msgspec.Struct):
    metadata: _ChartMetadata | None = None


class _Run(msgspec.Struct):
    started_at: str | None = ""
    completed_at: str | None = ""
    phase: str | None = ""


class _Hook(msgspec.Struct):
    name: str = ""
    kind: str = ""
    events: list[str] | None = None
    last_run: _Run | None = None


class Stored(msgspec.Struct):
    """A release as Helm writes it; templates, files and schema of the chart are not decoded."""

    version: int
    info: _Info = msgspec.field(default_factory=_Info)
    chart: _Chart | None = None
    config: dict[str, object] | None = None
    manifest: str = ""
    hooks: list[_Hook] | None = None


def stored(payload: bytes) -> Stored:
    """Return what a payload holds.

    Raises:
        BadPayload: it is no base64, no gzip, no release, or unpacks to more than 32 MiB.

    """
    try:
        text = base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadPayload(f"is no base64: {error}") from error
    try:
        return msgspec.json.decode(_unzipped(text), type=Stored)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadPayload(f"is no release: {error}") from error


def release_of(found: Stored, record: ReleaseRecord, *, with_objects: bool) -> Release:
    """Return the revision, named as its record is, with secrets masked; ``with_objects`` reads the manifest, which costs most."""
    chart = found.chart.metadata if found.chart and found.chart.metadata else _ChartMetadata()
    objects: tuple[Object, ...] = objects_of(found.manifest, record.namespace) if with_objects else ()
    return Release(
        namespace=record.namespace,
        name=record.labels["name"],
        revision=found.version,
        status=found.info.status,
        chart=chart.name,
        chart_version=chart.version,
        app_version=chart.app_version or "",
        first_deployed=_time(found.info.first_deployed),
        last_deployed=_time(found.info.last_deployed),
        description=without_secrets(" ".join(found.info.description.split())),
        values=flat_values(found.config or {}),
        objects=objects,
        hooks=tuple(map(_hook, found.hooks or ())),
        whole=True,
    )


def _unzipped(text: bytes) -> bytes:
    """Return what is packed; Helm takes what has no gzip header as it is, and so do we."""
    if not text.startswith(GZIP):
        return text
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        found = unpacker.decompress(text, MAX_BYTES)
    except zlib.error as error:
        raise BadPayload(f"is no gzip: {error}") from error
    if unpacker.unconsumed_tail:
        raise BadPayload(f"unpacks to more than {MAX_BYTES // 1024**2} MiB")
    if not unpacker.eof:
        raise BadPayload("is cut off")
    return found


def _hook(hook: _Hook) -> ReleaseHook:
    run = hook.last_run or _Run()
    return ReleaseHook(
        kind=hook.kind,
        name=hook.name,
        events=tuple(hook.events or ()),
        phase=run.phase or "",
        started_at=_time(run.started_at),
        completed_at=_time(run.completed_at),
    )


def _time(text: str | None) -> datetime | None:
    """Return a time; Helm 3 writes an empty text and Go writes the year 1 for none."""
    if not text or text.startswith("0001-"):
        return None
    try:
        return msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        return None
