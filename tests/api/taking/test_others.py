"""What the sources of plugins know is recorded as files, and found again; one that breaks is a gap."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sre_orchestrator.api.taking.others import record_others
from sre_orchestrator.core.errors import SourceMissing
from sre_orchestrator.core.hookspecs import Sources
from sre_orchestrator.core.models import Gap
from sre_orchestrator.plugins.sources.snapshot.recording import Recording, Terms, open_recording

NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)


class Vendor:
    """A source that returns what it is given; an exception is raised."""

    def __init__(self, given: Any, name: str = "vendor") -> None:
        self.name = name
        self.given = given
        self.asked = 0

    def sync(self) -> Any:
        """Know nothing."""

    async def record(self) -> Mapping[str, bytes]:
        """Return it."""
        self.asked += 1
        if isinstance(self.given, BaseException):
            raise self.given
        return self.given  # type: ignore[no-any-return]  # a plugin may return anything


class Silent:
    """A source that cannot be recorded."""

    name = "silent"

    def sync(self) -> Any:
        """Know nothing."""


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return open_recording(tmp_path / "taken", Terms(server="test"), NOON)


def taken(recording: Recording) -> dict[str, bytes]:
    folder = recording.root / "plugins"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_are_kept_without_the_secrets_in_them(recording: Recording) -> None:
    vendor = Vendor({"page.json": b'{"status": "down", "password": "hunter2hunter2"}', "picture.png": b"\x89PNG\xff"})

    record_others(Sources([vendor, Silent()]), recording)

    found = taken(recording)
    assert set(found) == {"vendor/page.json", "vendor/picture.png"}
    assert b"down" in found["vendor/page.json"]
    assert b"hunter2" not in found["vendor/page.json"]
    assert found["vendor/picture.png"] == b"\x89PNG\xff"
    assert recording.gaps() == ()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (SourceMissing("it does not answer"), "SourceMissing: it does not answer"),
        (SystemExit("gone"), "SystemExit: gone"),
        (7, "TypeError: 'int' object is not iterable"),
        ({"page.json": None}, "TypeError: page.json is no bytes but NoneType"),
        ({"../page.json": b""}, "'../page.json' is no name of a file"),
        ({"a/b": b""}, "'a/b' is no name of a file"),
    ],
)
def test_one_that_breaks_its_contract_is_a_gap(recording: Recording, given: object, why: str) -> None:
    good = Vendor({"page.json": b"{}"}, name="good")

    record_others(Sources([Vendor(given), good]), recording)

    assert recording.gaps() == (
        Gap(
            agent="snapshot",
            what="what vendor knows",
            why=why,
            remedy="see the settings of the plugin that adds it; fix, upgrade or uninstall it",
        ),
    )
    assert taken(recording) == {"good/page.json": b"{}"}


def test_the_name_of_a_source_leads_out_of_no_folder(recording: Recording) -> None:
    record_others(Sources([Vendor({"page.json": b"{}"}, name="../up")]), recording)

    assert "'../up' is no name of a file" in recording.gaps()[0].why
    assert [path.name for path in recording.root.parent.iterdir()] == ["taken"]


def test_what_was_recorded_is_not_asked_for_again_and_what_failed_is(recording: Recording) -> None:
    good, bad = Vendor({"page.json": b"{}"}, name="good"), Vendor(SourceMissing("not now"), name="bad")

    for _ in range(2):
        record_others(Sources([good, bad]), recording)

    assert (good.asked, bad.asked) == (1, 2)
