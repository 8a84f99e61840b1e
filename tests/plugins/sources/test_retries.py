"""Requests that are made again."""

from __future__ import annotations

import pytest
import stamina

from sre_orchestrator.plugins.sources.retries import ATTEMPTS, repeated


def test_nothing_of_it_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    tried = 0
    with stamina.set_testing(True, attempts=ATTEMPTS):
        for attempt in repeated(lambda _: True, timeout=9.0):
            with attempt:
                tried += 1
                if tried < ATTEMPTS:
                    raise ValueError("a secret")

    assert tried == ATTEMPTS
    assert capfd.readouterr() == ("", "")


def test_the_last_failure_is_raised() -> None:
    def always_failing() -> None:
        for attempt in repeated(lambda _: True, timeout=9.0):
            with attempt:
                raise ValueError("again")

    with stamina.set_testing(True, attempts=ATTEMPTS), pytest.raises(ValueError, match="again"):
        always_failing()
