"""The rules are compiled beside the requests, once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest

from sre_orchestrator.api.service.warming import Warming
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.settings import Settings


def run_until(warming: Warming, holds: Callable[[], bool]) -> None:
    async def scenario() -> None:
        with anyio.fail_after(60):
            async with warming.running():
                while not holds():
                    await anyio.sleep(0.01)

    anyio.run(scenario)


def test_the_rules_are_compiled_before_anybody_asks(tmp_path: Path) -> None:
    installation = Installation(Settings(state_dir=str(tmp_path)))
    assert not (tmp_path / "cache").exists()

    run_until(Warming(installation), lambda: bool([*tmp_path.glob("cache/book-*")]))

    assert installation.plan is installation.plan


def test_threads_that_ask_at_once_get_the_same_book(tmp_path: Path) -> None:
    installation = Installation(Settings(state_dir=str(tmp_path)))

    with ThreadPoolExecutor(4) as threads:
        books = {id(book) for book in threads.map(lambda _: installation.book, range(4))}

    assert len(books) == 1


def test_rules_that_cannot_be_used_are_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = ""

    def told() -> bool:
        nonlocal written
        written += "".join(capfd.readouterr())
        return "the rules cannot be used" in written

    installation = Installation(Settings(state_dir=str(tmp_path)))
    monkeypatch.setattr("sre_orchestrator.api.wiring.load_book", lambda *_, **__: 1 / 0)
    run_until(Warming(installation), told)

    assert "ZeroDivisionError" in written
