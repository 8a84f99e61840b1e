"""Records of releases as Helm writes them, for tests that need no helm."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from shop import NAMESPACE, thing

from sre_orchestrator.plugins.sources.ports import ReleaseRecord

Json = dict[str, Any]
NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)
PACKED: Any = object()
STATUSES = {"deployed": "Upgrade complete", "superseded": "Upgrade complete", "pending-upgrade": "Preparing upgrade"}


def release(revision: int, *, status: str = "deployed", minutes_ago: float = 30, **more: Any) -> Json:
    """Return a release document; ``minutes_ago`` before noon it was deployed."""
    at = (NOON - timedelta(minutes=minutes_ago)).isoformat()
    info = {"first_deployed": "2030-04-01T08:00:00Z", "last_deployed": at, "status": status}
    info["description"] = more.pop("description", STATUSES.get(status, ""))
    metadata = {"name": "cart", "version": f"0.{revision}.0", "appVersion": f"1.{revision}"}
    basis: Json = {
        "name": "cart",
        "version": revision,
        "namespace": NAMESPACE,
        "info": info,
        "chart": {"metadata": metadata, "templates": [{"name": "x", "data": "eA=="}], "values": {}},
        "config": {},
        "manifest": "",
        "hooks": [],
    }
    return basis | more


def packed(document: Json) -> bytes:
    """Return the payload of a release."""
    return base64.b64encode(gzip.compress(json.dumps(document).encode(), 1))


def record(
    revision: int,
    *,
    name: str = "cart",
    kind: str = "Secret",
    status: str = "deployed",
    payload: Any = PACKED,
    created: datetime | None = NOON,
    modified: str = "1903867200",
    **more: Any,
) -> ReleaseRecord:
    """Return a record; ``payload`` replaces the release that ``more`` describes."""
    return ReleaseRecord(
        namespace=NAMESPACE,
        name=f"sh.helm.release.v1.{name}.v{revision}",
        kind=kind,
        labels={"owner": "helm", "name": name, "version": str(revision), "status": status, "modifiedAt": modified},
        created_at=created,
        payload=packed(release(revision, status=status, **more)) if payload is PACKED else payload,
    )


def kept(revision: int, *, status: str = "deployed", name: str = "cart", contents: bool = True, **more: Any) -> Json:
    """Return the Secret that holds a revision; without ``contents`` as a careful recording has it."""
    document = release(revision, status=status, **more)
    labels = {"owner": "helm", "name": name, "version": str(revision), "status": status}
    data = {"release": base64.b64encode(packed(document)).decode() if contents else "***"}
    made = thing(
        "Secret", f"sh.helm.release.v1.{name}.v{revision}", labels=labels, type="helm.sh/release.v1", data=data
    )
    made["metadata"]["creationTimestamp"] = document["info"]["last_deployed"]
    return made
