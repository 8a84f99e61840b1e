"""What holds for every test of the service: whatever it writes, keys and tokens are not in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from secured import USED


@pytest.fixture(autouse=True)
def nothing_secret_is_written(request: pytest.FixtureRequest) -> Iterator[None]:
    """Look for every key and token that tests used in all that was written since the last look."""
    if "capsys" in request.fixturenames:
        yield
        return
    captured: pytest.CaptureFixture[str] = request.getfixturevalue("capfd")
    yield
    written = "".join(captured.readouterr())
    assert [one for one in USED if one in written] == []
