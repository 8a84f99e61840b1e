"""API keys in files, and a service that starts before anybody can come in."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from secured import INCIDENTS, USED, Secured, asking
from structlog.testing import capture_logs

from sre_orchestrator.api.service.ports import Caller
from sre_orchestrator.api.service.security.filekeys import FileWay
from sre_orchestrator.api.service.security.mounted import gate_for
from sre_orchestrator.api.service.store import open_database
from sre_orchestrator.core.settings import Auth, FileKey, Settings
from sre_orchestrator.core.settings import Service as Limits


@pytest.fixture
def key() -> str:
    made = secrets.token_hex(32)
    USED.append(made)
    return made


def test_a_key_in_a_file_comes_in_as_it_is_called(tmp_path: Path, key: str) -> None:
    (tmp_path / "other").write_text(secrets.token_hex(32), encoding="utf-8")
    (tmp_path / "shop").write_text(key + "\n", encoding="utf-8")
    way = FileWay([
        FileKey(name="other", file=str(tmp_path / "other"), scopes=("admin",)),
        FileKey(name="shop", file=str(tmp_path / "shop"), scopes=("read", "report"), namespaces=("shop",)),
    ])  # fmt: skip

    assert way.caller(key) == Caller(name="key:shop", scopes=frozenset({"read", "report"}), namespaces=("shop",))
    assert way.caller(key + "\n") is None
    assert way.caller(key.upper()) is None


def test_a_key_ends_with_its_file(tmp_path: Path, key: str) -> None:
    file = tmp_path / "key"
    file.write_text(key, encoding="utf-8")
    way = FileWay([FileKey(name="alertmanager", file=str(file))])

    before = way.caller(key)
    file.write_text(secrets.token_hex(32), encoding="utf-8")
    changed = way.caller(key)
    file.unlink()
    with capture_logs() as written:
        gone = way.caller(key)

    assert before is not None
    assert (changed, gone) == (None, None)
    assert [(one["event"], one["key"]) for one in written] == [
        ("the file of an API key cannot be read", "alertmanager")
    ]


@pytest.mark.parametrize("held", ["", "\n", "a" * 31])
def test_a_key_that_can_be_guessed_lets_nobody_in(tmp_path: Path, held: str) -> None:
    (tmp_path / "key").write_text(held, encoding="utf-8")

    with capture_logs() as written:
        caller = FileWay([FileKey(name="weak", file=str(tmp_path / "key"))]).caller(held)

    assert caller is None
    assert [one["event"] for one in written] == ["an API key is too short"]
    assert "openssl rand" in written[0]["remedy"]


def test_the_service_asks_for_the_key_in_the_file(tmp_path: Path, key: str) -> None:
    (tmp_path / "key").write_text(key, encoding="utf-8")
    keys = (FileKey(name="alertmanager", file=str(tmp_path / "key"), scopes=("report",)),)
    settings = Settings(service=Limits(auth=Auth(keys=keys)))
    gate = gate_for(settings, open_database("", tmp_path).keys, "0.0.0.0")

    with asking(Secured(tmp_path, gate=gate)) as client:
        nobody = client.get(INCIDENTS)
        reported = client.post(INCIDENTS, json={"description": "checkout answers 500"}, headers={"X-API-Key": key})
        read = client.get(INCIDENTS, headers={"X-API-Key": key})

    assert (nobody.status_code, reported.status_code, read.status_code) == (401, 202, 403)


def test_a_service_that_starts_closed_opens_to_the_first_key(tmp_path: Path) -> None:
    settings = Settings(service=Limits(auth=Auth(start_closed=True)))
    with capture_logs() as written:
        gate = gate_for(settings, open_database("", tmp_path).keys, "0.0.0.0")
    secured = Secured(tmp_path, gate=gate)

    with asking(secured) as client:
        before = client.get(INCIDENTS)
        after = client.get(INCIDENTS, headers=secured.key("first", "read"))

    assert (before.status_code, after.status_code) == (401, 200)
    assert [one["remedy"] for one in written] == ["make a key: sre-orchestrator keys create NAME"]
