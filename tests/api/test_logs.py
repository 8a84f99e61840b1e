"""The log: JSON lines with the ids of what they belong to, from libraries too, without secrets."""

from __future__ import annotations

import json
import logging
import threading
from contextvars import copy_context
from typing import Any

import pytest
import structlog
from structlog.contextvars import bound_contextvars

from sre_orchestrator.api.logs import configure_logs, masked


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(one) for one in capsys.readouterr().err.splitlines()]


def test_what_is_bound_is_in_every_line_of_ours_and_of_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    with bound_contextvars(incident="i1", request="r1"):
        structlog.get_logger().info("investigated", cause="oom")
        logging.getLogger("library.part").warning("slow %s", "client")
    structlog.get_logger().info("later")

    ours, library, later = lines(capsys)

    assert (ours["event"], ours["incident"], ours["request"], ours["cause"]) == ("investigated", "i1", "r1", "oom")
    assert (library["event"], library["incident"], library["logger"]) == ("slow client", "i1", "library.part")
    assert (library["level"], "timestamp" in library) == ("warning", True)
    assert "incident" not in later


def test_libraries_are_heard_from_warnings_upward(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    logging.getLogger("httpx").info("HTTP Request: POST https://hooks.example.com/T0/B0/secret")

    assert lines(capsys) == []


def test_a_traceback_is_told_without_secrets_or_variables(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    inner = "hunter" + "2"
    try:
        raise ValueError(f"postgres://app:{inner}@db/shop")
    except ValueError as error:
        structlog.get_logger().error("request failed", exc_info=error)
        logging.getLogger("library").exception("failed with password=%s", inner)

    told = lines(capsys)

    assert all("ValueError: postgres://app:***@db/shop" in one["exception"] for one in told)
    assert inner not in json.dumps(told)


def test_a_thread_that_is_given_the_context_knows_the_incident(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    with bound_contextvars(incident="i1"):
        thread = threading.Thread(target=copy_context().run, args=(structlog.get_logger().info, "from a thread"))
    thread.start()
    thread.join()

    assert lines(capsys)[0]["incident"] == "i1"


def test_people_on_a_terminal_read_lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    configure_logs()
    structlog.get_logger().info("serving", address="http://127.0.0.1:1")

    written = capsys.readouterr().err
    assert "serving" in written
    assert not written.startswith("{")


def test_only_texts_are_masked() -> None:
    assert masked(None, "", {"event": "token=abcdef", "number": 1}) == {"event": "token=***", "number": 1}
