"""What the commands share."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest

from sre_orchestrator.api.cli.common import parse_time, shown_progress
from sre_orchestrator.api.cli.progress import AgentBoard
from sre_orchestrator.core.errors import InputError


def test_a_time_without_a_zone_is_utc() -> None:
    assert parse_time("2030-05-01T12:00:00") == datetime(2030, 5, 1, 12, tzinfo=UTC)


def test_a_time_with_a_zone_is_that_moment() -> None:
    east = timezone(timedelta(hours=2))

    assert parse_time("2030-05-01T12:00:00+02:00") == datetime(2030, 5, 1, 12, tzinfo=east)


@pytest.mark.parametrize("text", ["noon", "", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match=rf"--at '{re.escape(text)}'.*write 2026-01-31T14:00:00Z"):
        parse_time(text)


def test_progress_is_silent_when_nobody_looks(capfd: pytest.CaptureFixture[str]) -> None:
    with shown_progress() as progress:
        progress.step("route")
        progress.agent("nodes", "asked")

    assert capfd.readouterr() == ("", "")


def test_a_terminal_sees_the_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with shown_progress() as progress:
        assert isinstance(progress, AgentBoard)
