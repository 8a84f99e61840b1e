"""What holds for every test of the service: whatever it writes, keys and tokens are not in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from secured import USED, Client, Secured, asking

SHAPES = re.compile(r"sre_[0-9a-f]{12}_[\w-]{43}|eyJ[\w-]{10,}\.eyJ[\w-]+\.[\w-]+|whsec_[\w+/=-]{20,}")


def secrets_in(written: str) -> list[str]:
    """Return the secrets of tests that are in a text, and whatever has the form of a key or token."""
    return [one for one in USED if one in written] + SHAPES.findall(written)


@pytest.fixture(autouse=True)
def nothing_secret_is_written(request: pytest.FixtureRequest) -> Iterator[None]:
    """Look for secrets in all that was written since the last look, to standard output and error.

    What a command prints (a new key) is what a test has read by then.
    """
    name = "capsys" if "capsys" in request.fixturenames else "capfd"
    captured: pytest.CaptureFixture[str] = request.getfixturevalue(name)
    yield
    assert [found for written in captured.readouterr() for found in secrets_in(written)] == []


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Secured:
    """Return a service that asks for keys; a module may have its own."""
    return Secured(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def client(secured: Secured) -> Iterator[Client]:
    """Ask that service."""
    with asking(secured) as client:
        yield client


@pytest.fixture(autouse=True, scope="session")
def nothing_secret_is_logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Look for secrets in the logs of all services that tests started in processes of their own."""
    yield
    found = {str(log): secrets_in(text) for log, text in _logs(tmp_path_factory.getbasetemp())}
    assert {log: secrets for log, secrets in found.items() if secrets} == {}


def _logs(folder: Path) -> Iterator[tuple[Path, str]]:
    for log in folder.rglob("*.log"):
        if log.is_file() and "cluster-resources" not in log.parts:  # a recording holds what tests planted
            yield log, log.read_text(encoding="utf-8", errors="replace")
