"""What was seen before in the namespaces of others is in no report, whoever asks."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec
from reports import hypothesis, report
from secured import INCIDENTS, Client, Secured, asking
from service import bundle_of

from sre_orchestrator.api.service.models import Reported
from sre_orchestrator.core.pipeline import Bundle
from sre_orchestrator.core.ports import Progress


class Placed:
    """Finds always the same, in the namespaces of the report (``api.service.ports.Investigator``)."""

    async def investigate(self, incident_id: str, reported: Reported, progress: Progress) -> Bundle:
        """Return it."""
        del incident_id, progress
        found = report(hypothesis())
        incident = msgspec.structs.replace(found.incident, namespace=reported.namespace)
        return bundle_of(msgspec.structs.replace(found, incident=incident))


def done(client: Client, key: dict[str, str]) -> dict[str, Any]:
    """Report an incident and return it when it is done."""
    where = client.post(INCIDENTS, json={"description": "cart was killed"}, headers=key).headers["Location"]
    until = time.monotonic() + 60
    while time.monotonic() < until:
        view: dict[str, Any] = client.get(where, headers=key).json()
        if view["status"] == "done":
            return view
        time.sleep(0.02)
    raise AssertionError(view)


def test_reports_tell_what_was_said_within_the_namespaces_of_the_caller_alone(tmp_path: Path) -> None:
    secured = Secured(tmp_path, investigator=Placed())
    everybody = {"shop": ["shop"], "bank": ["bank"], "both": ["bank", "shop"], "all": []}
    keys = {name: secured.key(name, "read", "report", namespaces=own) for name, own in everybody.items()}
    with asking(secured) as client:
        for name, key in keys.items():
            said = {"right": True, "comment": f"said by {name}"}
            assert client.post(f"{INCIDENTS}/{done(client, key)['id']}/feedback", json=said, headers=key).is_success

        told = {
            name: {
                one["passage"].rpartition(" ")[2] for one in done(client, key)["report"]["hypotheses"][0]["runbooks"]
            }
            for name, key in keys.items()
        }

    assert told == {
        "shop": {"shop"},
        "bank": {"bank"},
        "both": {"shop", "bank", "both"},
        "all": {"bank", "both", "all"},
    }
