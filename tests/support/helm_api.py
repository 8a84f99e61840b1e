"""A small Kubernetes API in memory that accepts writes, for what the real helm needs; nothing runs in it.

Jobs end at once: those in ``Cluster.failing`` fail, those in ``Cluster.running`` never end, others complete. What is
in ``Cluster.refused`` cannot be patched, kinds in ``Cluster.forbidden`` cannot be listed. A patch merges deeply, lists
of named things by their names, which is enough for helm's three kinds of patches (strategic merge, JSON merge and
server-side apply) on the charts of tests.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

Json = dict[str, Any]
Place = tuple[str, str, str]
MAGIC = b"k8s\x00"
VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]
SERVED = {
    "v1": {
        "namespaces": "Namespace",
        "pods": "Pod",
        "services": "Service",
        "configmaps": "ConfigMap",
        "secrets": "Secret",
    },
    "apps/v1": {"deployments": "Deployment", "statefulsets": "StatefulSet", "replicasets": "ReplicaSet"},
    "batch/v1": {"jobs": "Job"},
    "autoscaling/v2": {"horizontalpodautoscalers": "HorizontalPodAutoscaler"},
}


class Cluster:
    """Objects by (plural, namespace, name), and what shall go wrong."""

    def __init__(self) -> None:
        self.objects: dict[Place, Json] = {}
        self.failing: set[str] = set()
        self.running: set[str] = set()
        self.refused: dict[str, str] = {}
        self.forbidden: set[str] = set()
        self.asked: list[str] = []
        self.job_made = threading.Event()
        self.lock = threading.RLock()
        self.version = 0

    def put(self, place: Place, item: Json) -> Json:
        """Store ``item`` as an API server would: with an identity, a version and a time."""
        with self.lock:
            self.version += 1
            meta = item["metadata"]
            meta |= {"uid": f"uid-{'-'.join(place)}", "resourceVersion": str(self.version)}
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            meta["creationTimestamp"] = self.objects.get(place, item)["metadata"].get("creationTimestamp", now)
            if place[1]:
                meta["namespace"] = place[1]
            if item["kind"] == "Job":
                item["status"] = self._ended(place[2])
            self.objects[place] = item
            if item["kind"] == "Job":
                self.job_made.set()
            return item

    def of(self, plural: str, namespace: str = "") -> list[Json]:
        """Return the objects of a kind, in order of their names."""
        with self.lock:
            return [
                one
                for (kind, where, _), one in sorted(self.objects.items())
                if kind == plural and namespace in ("", where)
            ]

    def kinds(self) -> Iterator[tuple[str, list[Json]]]:
        """Yield each kind that is served, by its plural, with its objects."""
        for resources in SERVED.values():
            for plural in resources:
                yield plural, self.of(plural)

    def _ended(self, name: str) -> Json:
        if name in self.running:
            return {"active": 1}
        failed = name in self.failing
        condition = {"type": "Failed" if failed else "Complete", "status": "True"}
        if failed:
            condition |= {"reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit"}
        return {"conditions": [condition], "failed" if failed else "succeeded": 1}


@contextmanager
def served(cluster: Cluster) -> Iterator[str]:
    """Serve ``cluster`` on loopback and yield the address."""

    class Bound(_Handler):
        store = cluster

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def merged(old: Any, new: Any) -> Any:
    """Return ``old`` with the patch ``new`` applied."""
    if isinstance(old, dict) and isinstance(new, dict):
        kept = {key: value for key, value in old.items() if key not in new}
        return kept | {
            key: merged(old.get(key), value)
            for key, value in new.items()
            if value is not None and not key.startswith("$")
        }
    named = isinstance(old, list) and isinstance(new, list) and all(isinstance(one, dict) for one in (*old, *new))
    if not named or not all("name" in one for one in (*old, *new)):
        return new
    by_name = {one["name"]: one for one in old}
    for one in new:
        by_name[one["name"]] = None if one.get("$patch") == "delete" else merged(by_name.get(one["name"], {}), one)
    return [one for one in by_name.values() if one is not None]


def secret_of(message: bytes) -> Json:
    """Return the Secret or ConfigMap that Kubernetes' protobuf holds: helm's typed client writes its records so.

    Field numbers: k8s.io/apimachinery/pkg/runtime and .../apis/meta/v1, k8s.io/api/core/v1, generated.proto.
    """
    unknown = _fields(message[len(MAGIC) :])
    kind = _fields(unknown[1][0])[2][0].decode()
    item = _fields(unknown[2][0])
    meta = _fields(item[1][0])
    data = {key.decode(): value for key, value in map(_entry, item.get(2, ()))}
    labels = {key.decode(): value.decode() for key, value in map(_entry, meta.get(11, ()))}
    made: Json = {"kind": kind, "apiVersion": "v1", "metadata": {"name": meta[1][0].decode(), "labels": labels}}
    if kind == "ConfigMap":
        return {**made, "data": {key: value.decode() for key, value in data.items()}}
    encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
    return {**made, "type": item[3][0].decode(), "data": encoded}


def _entry(message: bytes) -> tuple[bytes, bytes]:
    fields = _fields(message)
    return fields[1][0], fields.get(2, [b""])[0]


def _fields(message: bytes) -> dict[int, list[bytes]]:
    """Return the length-delimited fields of a protobuf message by number; numbers are left out."""
    found: dict[int, list[bytes]] = {}
    at = 0
    while at < len(message):
        tag, at = _number(message, at)
        size, at = _number(message, at)
        if tag & 7 == 2:
            found.setdefault(tag >> 3, []).append(message[at : at + size])
            at += size
    return found


def _number(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Cluster

    def log_message(self, *_: object) -> None:
        """Stay quiet."""

    def do_GET(self) -> None:
        path, query = self._asked()
        fixed = _fixed("/".join(path))
        if path == ["openapi", "v2"]:
            self._send(b"", 200)  # an empty document in protobuf: there is nothing to validate against
        elif fixed is not None:
            self._answer(fixed)
        elif _split(path)[0] not in SERVED:
            self._missing("the server could not find the requested resource")
        elif _place(_split(path)[1])[2]:
            self._one(_place(_split(path)[1]))
        else:
            self._list(*_split(path), query)

    def do_POST(self) -> None:
        path, _ = self._asked()
        item = self._body()
        plural, namespace, _ = _place(_split(path)[1])
        place = (plural, namespace, item["metadata"]["name"])
        if place in self.store.objects:
            return self._fail(409, "AlreadyExists", f'{plural} "{place[2]}" already exists')
        return self._answer(self.store.put(place, item), 201)

    def do_PUT(self) -> None:
        path, _ = self._asked()
        item = self._body()
        return self._answer(self.store.put(_place(_split(path)[1]), item))

    def do_PATCH(self) -> None:
        path, _ = self._asked()
        change = self._body()
        place = _place(_split(path)[1])
        if place[2] in self.store.refused:
            return self._fail(422, "Invalid", self.store.refused[place[2]])
        found = self.store.objects.get(place)
        if found is None and "apply" not in self.headers["Content-Type"]:
            return self._missing(f'{place[0]} "{place[2]}" not found')
        return self._answer(self.store.put(place, merged(found or {}, change)), 200 if found else 201)

    def do_DELETE(self) -> None:
        path, _ = self._asked()
        self._read()
        place = _place(_split(path)[1])
        if self.store.objects.pop(place, None) is None:
            return self._missing(f'{place[0]} "{place[2]}" not found')
        return self._answer({"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def _one(self, place: Place) -> None:
        found = self.store.objects.get(place)
        if found:
            self._answer(found)
        else:
            self._missing(f'{place[0]} "{place[2]}" not found')

    def _list(self, version: str, rest: list[str], query: dict[str, str]) -> None:
        plural, namespace, _ = _place(rest)
        self.store.asked.append(self.path)
        if plural in self.store.forbidden:
            self._fail(403, "Forbidden", f"{plural} is forbidden")
            return
        items = [one for one in self.store.of(plural, namespace) if _fits(one, query)]
        if query.get("watch") in ("1", "true"):
            self._watch(items)
            return
        begin, most = int(query.get("continue", 0)), int(query.get("limit") or len(items) or 1)
        meta = {"resourceVersion": str(self.store.version)}
        if begin + most < len(items):
            meta["continue"] = str(begin + most)
        kind = SERVED[version].get(plural, "Unknown")
        page = items[begin : begin + most]
        self._answer({"kind": f"{kind}List", "apiVersion": version, "metadata": meta, "items": page})

    def _asked(self) -> tuple[list[str], dict[str, str]]:
        url = urlsplit(self.path)
        return [part for part in url.path.split("/") if part], dict(parse_qsl(url.query))

    def _read(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _body(self) -> Any:
        body = self._read()
        return secret_of(body) if body.startswith(MAGIC) else yaml.safe_load(body)

    def _watch(self, items: list[Json]) -> None:
        """Send what is there and end; helm's waiting needs no more, since jobs end when they are made."""
        events = [{"type": "ADDED", "object": one} for one in items]
        mark = {"resourceVersion": str(self.store.version), "annotations": {"k8s.io/initial-events-end": "true"}}
        kind, version = (items[0]["kind"], items[0]["apiVersion"]) if items else ("Job", "batch/v1")
        events.append({"type": "BOOKMARK", "object": {"kind": kind, "apiVersion": version, "metadata": mark}})
        self._send(b"".join(json.dumps(one).encode() + b"\n" for one in events), 200)

    def _answer(self, item: Json, code: int = 200) -> None:
        self._send(json.dumps(item).encode(), code)

    def _missing(self, message: str) -> None:
        self._fail(404, "NotFound", message)

    def _fail(self, code: int, reason: str, message: str) -> None:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message}
        self._answer({**status, "code": code}, code)

    def _send(self, body: bytes, code: int) -> None:
        with suppress(ConnectionError):  # helm leaves a watch as soon as it has seen enough
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)


def _fixed(path: str) -> Json | None:
    """Return the documents of discovery."""
    known: Json = {
        "version": {"major": "1", "minor": "33", "gitVersion": "v1.33.0"},
        "api": {"kind": "APIVersions", "versions": ["v1"]},
        "apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(one) for one in SERVED if "/" in one]},
    }
    known |= {f"{'apis' if '/' in one else 'api'}/{one}": _resources(one) for one in SERVED}
    found: Json | None = known.get(path)
    return found


def _split(path: list[str]) -> tuple[str, list[str]]:
    """Return group/version and the rest of a path."""
    if path[:1] == ["api"]:
        return path[1], path[2:]
    return "/".join(path[1:3]), path[3:] or [""]


def _place(rest: list[str]) -> Place:
    """Return (plural, namespace, name) of the rest of a path; a name is empty for a list."""
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    return rest[0], namespace, rest[1] if len(rest) > 1 else ""


def _fits(item: Json, query: dict[str, str]) -> bool:
    """Say whether an object fits selectors: labels ``a=b`` and ``a in (b,c)``, fields ``a=b`` and ``a!=b``."""
    labels = item["metadata"].get("labels", {})
    asked = re.findall(r"([\w./-]+)(?:=| in \()([^,)]*(?:,[^()=]*(?=\)))?)", query.get("labelSelector", ""))
    field, differs, value = query.get("fieldSelector", "").replace("!=", "=!").partition("=")
    found = {"metadata.name": item["metadata"]["name"], "type": item.get("type")}.get(field)
    fits = not differs or (found != value[1:] if value.startswith("!") else found == value)
    return fits and all(labels.get(key) in values.split(",") for key, values in asked)


def _group(version: str) -> Json:
    one = {"groupVersion": version, "version": version.rpartition("/")[2]}
    return {"name": version.partition("/")[0], "versions": [one], "preferredVersion": one}


def _resources(version: str) -> Json:
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version,
        "resources": [
            {
                "name": plural,
                "singularName": kind.lower(),
                "namespaced": kind != "Namespace" and not kind.startswith("Cluster"),
                "kind": kind,
                "verbs": VERBS,
            }
            for plural, kind in SERVED[version].items()
        ],
    }
