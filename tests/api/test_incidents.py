"""What is kept of incidents: whole files, not too many, and errors that say what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sre_orchestrator.api import incidents
from sre_orchestrator.api.incidents import IncidentStore, Record
from sre_orchestrator.core.errors import InputError

NOON = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)


def record(number: int, closed: bool = True) -> Record:
    at = NOON + timedelta(minutes=number)
    return Record(
        id=f"i{number}", description="", opened=at, updated=at, diagnosed=at, closed=at if closed else None,
        status="closed" if closed else "open",
    )  # fmt: skip


def test_only_the_newest_closed_incidents_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incidents, "KEPT", 2)
    store = IncidentStore(tmp_path)
    for one in (record(0, closed=False), record(1), record(2), record(3)):
        store.write(one)

    store.keep({})

    assert sorted(one.name for one in (tmp_path / "incidents").iterdir()) == ["i0", "i2", "i3"]
    assert sorted(IncidentStore(tmp_path).records) == ["i0", "i2", "i3"]


@pytest.mark.parametrize("name", ["incidents", "watch.json.partial", "incidents/i1/incident.json.partial"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, name: str) -> None:
    store = IncidentStore(tmp_path)
    blocked = tmp_path / name
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.touch() if name == "incidents" else blocked.mkdir()

    def write() -> None:
        store.write(record(1))
        store.keep({})

    with pytest.raises(InputError, match=r"cannot be written: .*; set state_dir"):
        write()


def test_each_cluster_has_a_state_of_its_own(tmp_path: Path) -> None:
    IncidentStore(tmp_path, "eu/1").keep({})
    IncidentStore(tmp_path).keep({})

    assert sorted(one.name for one in tmp_path.glob("*.json")) == ["watch-eu_1.json", "watch.json"]
