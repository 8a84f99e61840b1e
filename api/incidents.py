"""Keeps what ``watch`` follows and the incidents that it opened in the state folder: whole files, renamed into place.

The folders of incidents are the truth: what a crash left undone between two files is put right when they are read.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from sre_orchestrator.core.bundle import write_bundle
from sre_orchestrator.core.detect import Followed, Part, Symptom, joined
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.models import Report, Struct, Verdict
from sre_orchestrator.core.pipeline import Bundle

T = TypeVar("T")
FORMAT = 1
KEPT = 200
RECORD, REPORT, BUNDLE = "incident.json", "report.json", "bundle.json.gz"


class Record(Struct, frozen=True, kw_only=True):
    """An incident that was opened by itself; ``cause`` and ``component`` are those of its first hypothesis, if proved.

    ``merged_into`` names the incident that turned out to have the same cause.
    """

    format: int = FORMAT
    id: str
    cluster: str = ""
    status: Literal["open", "updated", "closed"] = "open"
    description: str
    opened: datetime
    updated: datetime
    diagnosed: datetime
    closed: datetime | None = None
    merged_into: str = ""
    verdict: Verdict = "unresolved"
    cause: str = ""
    component: str = ""
    confidence: float = 0.0
    symptoms: tuple[Symptom, ...] = ()


class Diagnosis(Struct, frozen=True, kw_only=True):
    """The report on an incident, and the investigation that it comes from, which may have found other incidents too."""

    report: Report
    bundle: Bundle


class Kept(Struct, frozen=True, kw_only=True):
    """What is followed, as it is kept between rounds and over restarts."""

    format: int = FORMAT
    symptoms: dict[str, Followed] = {}


class IncidentStore:
    """The incidents and symptoms of one cluster in ``folder``.

    ``warnings`` says what could not be read when it was opened; that begins afresh.

    Raises:
        InputError: the folder cannot be written.

    """

    def __init__(self, folder: Path, cluster: str = "") -> None:
        self.cluster = cluster
        self.warnings: list[str] = []
        self._folder = folder / "incidents"
        self._file = folder / f"watch{'-' + _file_name(cluster) if cluster else ''}.json"
        self.records = {one.id: one for one in self._read_records()}
        self.known = self._read_known()

    def open(self) -> tuple[Record, ...]:
        """Return the open incidents, oldest first."""
        return tuple(
            sorted((one for one in self.records.values() if one.closed is None), key=lambda one: (one.opened, one.id))
        )

    def folder(self, record: Record) -> Path:
        """Return where an incident is kept."""
        return self._folder / record.id

    def write(self, record: Record, diagnosis: Diagnosis | None = None) -> None:
        """Keep an incident, with its report and bundle when it was diagnosed; the record comes last.

        Raises:
            InputError: the files cannot be written.

        """
        folder = self.folder(record)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder}: cannot be written: {error.strerror}; set state_dir") from error
        if diagnosis:
            partial = folder / f"{BUNDLE}.partial"
            write_bundle(diagnosis.bundle, partial)
            partial.replace(folder / BUNDLE)
            _write(folder / REPORT, msgspec.json.encode(diagnosis.report))
        _write(folder / RECORD, msgspec.json.encode(record))
        self.records[record.id] = record

    def keep(self, known: Mapping[str, Followed]) -> None:
        """Keep what is followed, and no more than ``KEPT`` closed incidents.

        Raises:
            InputError: the file cannot be written.

        """
        self.known = dict(known)
        _write(self._file, msgspec.json.encode(Kept(symptoms=self.known)))
        closed = sorted((one for one in self.records.values() if one.closed), key=lambda one: (one.updated, one.id))
        for record in closed[:-KEPT]:
            shutil.rmtree(self.folder(record), ignore_errors=True)
            del self.records[record.id]

    def _read_records(self) -> Iterable[Record]:
        for path in sorted(self._folder.glob(f"*/{RECORD}")):
            record = self._decoded(path, Record)
            if record and record.cluster == self.cluster and record.format == FORMAT:
                yield record

    def _read_known(self) -> dict[str, Followed]:
        """Return what was followed; symptoms belong to an incident when its record says so."""
        kept = self._decoded(self._file, Kept) if self._file.exists() else None
        known = joined(kept.symptoms, kept.symptoms, "") if kept and kept.format == FORMAT else {}
        for record in self.open():
            for symptom in record.symptoms:
                known.setdefault(symptom.key, _as_recorded(symptom, record))
            known = joined(known, {symptom.key for symptom in record.symptoms}, record.id)
        return known

    def _decoded(self, path: Path, kind: type[T]) -> T | None:
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except (OSError, msgspec.DecodeError) as error:
            self.warnings.append(f"{path}: cannot be read and is left out: {error}")
            return None


def incident_name(cluster: str, part: Part, symptoms: Iterable[Followed]) -> str:
    """Return the id of an incident that begins with ``symptoms``: the same after a crash, another one next time."""
    first = min(symptoms, key=lambda one: (one.first, one.symptom.key))
    text = f"{cluster} {first.symptom.key} {first.first.isoformat()} {part.cause} {part.component}"
    return f"{first.first:%Y%m%d-%H%M%S}-{hashlib.blake2b(text.encode(), digest_size=3).hexdigest()}"


def _as_recorded(symptom: Symptom, record: Record) -> Followed:
    return Followed(
        symptom=symptom,
        agent="",
        first=record.opened,
        last=record.updated,
        heard=record.updated,
        seen=(True,),
        incident=record.id,
    )


def _file_name(cluster: str) -> str:
    return re.sub(r"[^\w.-]", "_", cluster)[:80]


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}; set state_dir") from error
