"""How components, edges and times are written in the twin's tables."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from sre_orchestrator.core.models import Component, Edge, EdgeKind, Scalar

SCHEMA_VERSION = 2
READABLE = (1, SCHEMA_VERSION)  # version 1 had no tables for what sources keep beside the twin
SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS component (
    id TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, attributes TEXT NOT NULL, since TEXT NOT NULL,
    valid_from TEXT NOT NULL, valid_to TEXT);
CREATE UNIQUE INDEX IF NOT EXISTS component_now ON component (id) WHERE valid_to IS NULL;
CREATE INDEX IF NOT EXISTS component_id ON component (id, valid_from);
CREATE INDEX IF NOT EXISTS component_since ON component (since);
CREATE INDEX IF NOT EXISTS component_from ON component (valid_from);
CREATE INDEX IF NOT EXISTS component_to ON component (valid_to) WHERE valid_to IS NOT NULL;
CREATE TABLE IF NOT EXISTS edge (
    source TEXT NOT NULL, kind TEXT NOT NULL, target TEXT NOT NULL, provenance TEXT NOT NULL,
    valid_from TEXT NOT NULL, valid_to TEXT);
CREATE UNIQUE INDEX IF NOT EXISTS edge_now ON edge (source, kind, target) WHERE valid_to IS NULL;
CREATE INDEX IF NOT EXISTS edge_up ON edge (target, kind, source) WHERE valid_to IS NULL;
CREATE INDEX IF NOT EXISTS edge_from ON edge (valid_from);
CREATE INDEX IF NOT EXISTS edge_to ON edge (valid_to) WHERE valid_to IS NOT NULL;
CREATE TABLE IF NOT EXISTS record (
    kind TEXT NOT NULL, id TEXT NOT NULL, content BLOB NOT NULL, PRIMARY KEY (kind, id));
CREATE TABLE IF NOT EXISTS position (kind TEXT PRIMARY KEY, version TEXT NOT NULL, notes BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS cluster (identity TEXT NOT NULL, program TEXT NOT NULL);
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""
ATTRIBUTES = msgspec.json.Decoder(dict[str, Scalar])


def component_from(name: str, attributes: str, since: str) -> Component:
    """Return the component of a row."""
    return Component(id=name, attributes=ATTRIBUTES.decode(attributes), since=time_from(since) if since else None)


def edge_from(source: str, kind: EdgeKind, target: str, provenance: str) -> Edge:
    """Return the edge of a row."""
    return Edge(source=source, kind=kind, target=target, provenance=provenance)


def attributes_text(component: Component) -> str:
    """Return the attributes as text that is equal where they are equal."""
    return msgspec.json.encode(component.attributes, order="sorted").decode()


def time_text(at: datetime) -> str:
    """Return a time as text that sorts: UTC, microseconds always there."""
    try:
        return at.astimezone(UTC).isoformat(timespec="microseconds")
    except OverflowError:  # in UTC it would be before the year 1 or after 9999
        return at.replace(tzinfo=UTC).isoformat(timespec="microseconds")


def time_from(text: str) -> datetime:
    """Return the time that ``time_text`` wrote."""
    return datetime.fromisoformat(text)
