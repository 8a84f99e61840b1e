"""A cluster with secrets in logs, events, alerts, environment, annotations, ConfigMaps and Secrets, and how to look for them."""

from __future__ import annotations

import gzip
import json
import sqlite3
import zlib
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from clusters import shop
from faults import FAULTS, SINCE
from shop import NAMESPACE, thing

SECRETS = {
    "password": ("DB_PASSWORD={}", "zx9hunter2zx9"),
    "url": ("postgres://joe:{}@orders-db:5432/shop", "zx9urlpassZx9"),
    "github": ("remote {} refused", "ghp_" + "a1B2c3D4e5F6" * 3),
    "jwt": ("Authorization: Bearer {}", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.zx9c2lnbmF0dXJl"),
    "aws": ("id {} used", "AKIAIOSFODNN7EXAMPLE"),
    "slack": ("token {}", "xoxb-" + "123456789012-a1B2c3D4e5F6"),
    "stripe": ("key={}", "sk_live_" + "a1B2c3D4" * 3),
    "bootstrap": ("join with abc123.{}", "zx9f456789abcde1"),
    "docker": ('{{"auths": {{"r.example": {{"auth": "{}"}}}}}}', "am9lOmh1bnRlcjIyeng5"),
    "cookie": ("Cookie: session={}", "zx9sessionzx9"),
    "azure": ("AccountName=a;AccountKey={};", "zx9abcdefghijkl=="),
}
LINES = [form.format(secret) for form, secret in SECRETS.values()]


def leaking(folder: Path) -> Path:
    """Write a cluster in which all that holds text holds a secret of each kind."""
    cluster = shop()
    FAULTS["memory_limit"](cluster)
    kept = {f"k{number}": line for number, line in enumerate(LINES)}
    cluster.add(thing("ConfigMap", "kept", data=kept))
    cluster.add(thing("Secret", "kept", data={key: b64encode(line.encode()).decode() for key, line in kept.items()}))
    cluster.alerts.append(
        {
            "labels": {"alertname": "Leaks", "namespace": NAMESPACE, "deployment": "cart", **kept},
            "annotations": {"summary": " ".join(LINES), "runbook_url": LINES[1]},
            "state": "firing",
            "activeAt": SINCE,
            "startsAt": SINCE,
        }
    )
    path = cluster.write(folder)
    for file in (one for one in path.rglob("*") if one.is_file()):
        text = file.read_text(encoding="utf-8").replace("2030-", "2025-")  # a service takes no reports of the future
        file.write_text(text, encoding="utf-8")
        if file.suffix == ".json":
            file.write_text(json.dumps(seeded(json.loads(text))), encoding="utf-8")
        elif file.suffix in {".log", ".txt"}:
            told = "".join(f"2025-05-01T11:59:00Z level=error connection refused: {line}\n" for line in LINES)
            file.write_text(text + told, encoding="utf-8")
    return path


def seeded(node: object) -> object:
    """Return an object with secrets in its messages, variables, arguments and annotations."""
    if isinstance(node, list):
        return [seeded(one) for one in node]
    if not isinstance(node, dict):
        return node
    node = {key: seeded(value) for key, value in node.items()}
    for key, value in node.items():
        if key == "message" and isinstance(value, str):
            node[key] = f"{value} {' '.join(LINES)}"
        elif key == "annotations" and isinstance(value, dict):
            value["note"] = " ".join(LINES)
    if "image" in node and "name" in node:
        node["env"] = [*node.get("env", []), *({"name": f"X{n}", "value": line} for n, line in enumerate(LINES))]
        node["args"] = LINES
    return node


def files(folder: Path) -> Iterator[bytes]:
    """Yield what is in the files of a folder; also what is packed in the cells of databases."""
    for file in folder.rglob("*"):
        if file.is_file():
            raw = file.read_bytes()
            yield raw
            if raw.startswith(b"SQLite format 3"):
                yield cells(file)


def cells(file: Path) -> bytes:
    """Return what is in the tables of a SQLite file, unpacked."""
    with closing(sqlite3.connect(file)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        rows = [row for name in names for row in database.execute(f'SELECT * FROM "{name}"')]
    return b"\n".join(unpacked(one) if isinstance(one, bytes) else str(one).encode() for row in rows for one in row)


def unpacked(raw: bytes) -> bytes:
    """Return what was packed, or ``raw``."""
    for unpack in (gzip.decompress, zlib.decompress):
        with suppress(OSError, EOFError, zlib.error):
            return unpack(raw)
    return raw


def told(places: dict[str, bytes]) -> dict[str, list[str]]:
    """Return the kinds of secrets that are in each of ``places``, where there are any."""
    found = {
        place: [
            kind for kind, (form, secret) in SECRETS.items() if secret.encode() in text or _packed(form, secret) in text
        ]
        for place, text in places.items()
    }
    return {place: kinds for place, kinds in found.items() if kinds}


def _packed(form: str, secret: str) -> bytes:
    """Return the line with the secret as the data of a Secret hold it."""
    return b64encode(form.format(secret).encode())
