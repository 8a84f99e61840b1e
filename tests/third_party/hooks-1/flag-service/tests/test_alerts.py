"""What the status page posts becomes notices."""

import json
from datetime import UTC, datetime

import msgspec
import pytest
from sre_orchestrator.core.notices import Notice

from flag_service.alerts import StatusAlerts


def post(status: str) -> bytes:
    """Return a post, with keys that nobody needs."""
    trouble = {"id": "p31", "name": "Requests fail", "status": status, "created_at": "2030-05-01T11:40:12Z"}
    return json.dumps({"page": {"status_indicator": "critical"}, "incident": {**trouble, "impact": "major"}}).encode()


def test_a_trouble_fires_until_it_is_over() -> None:
    (begun,) = StatusAlerts().notices(post("investigating"), {})
    (over,) = StatusAlerts().notices(post("resolved"), {})

    assert begun == Notice(
        description="Flag Service: Requests fail",
        fingerprint="p31",
        at=datetime(2030, 5, 1, 11, 40, 12, tzinfo=UTC),
        key="p31 investigating",
    )
    assert (over.fingerprint, over.firing) == ("p31", False)


def test_anything_else_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        StatusAlerts().notices(b'{"alerts": []}', {})
