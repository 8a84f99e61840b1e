"""A real service with keys: it starts only where that is safe, and writes no key or token anywhere."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import jwt
import pytest

DEMO = Path(__file__).parents[3] / "api" / "demo" / "shop"
INCIDENTS = "/api/v1/incidents"
PROGRAM = [sys.executable, "-m", "sre_orchestrator.api.cli.main"]
pytestmark = pytest.mark.timeout(180)


def made(state: Path, name: str) -> str:
    """Return a new key, made as people do it."""
    command = [*PROGRAM, "keys", "create", name, "--namespace", "shop", "--state-dir", str(state)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@contextmanager
def serving(state: Path, log: Path, *options: str) -> Iterator[httpx.Client]:
    """Yield a client of a running service that writes to ``log``."""
    command = [*PROGRAM, "serve", "--snapshot", str(DEMO), "--port", "0", "--state-dir", str(state), *options]
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        seen = ""
        while not (found := re.search(r"http://[\d.:]+", seen)):
            line = process.stderr.readline()
            assert line, seen
            seen += line
        try:
            address = found[0].replace("0.0.0.0", "127.0.0.1")
            with httpx.Client(base_url=address, timeout=20, trust_env=False) as client:
                yield client
        finally:
            process.send_signal(signal.SIGTERM)
            seen += process.communicate(timeout=60)[1]
            out.write(seen)


def test_others_do_not_come_in_without_a_key(tmp_path: Path) -> None:
    command = [
        *PROGRAM,
        "serve",
        "--snapshot",
        str(DEMO),
        "--port",
        "0",
        "--host",
        "0.0.0.0",
        "--state-dir",
        str(tmp_path),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert ended.returncode == 2
    assert "--host 0.0.0.0: there is no valid key" in ended.stderr


def test_no_key_or_token_is_written(tmp_path: Path) -> None:
    state, log = tmp_path / "state", tmp_path / "serve.log"
    key, gone = made(state, "team"), made(state, "leaver")
    subprocess.run([*PROGRAM, "keys", "revoke", "leaver", "--state-dir", str(state)], check=True, capture_output=True)
    token = jwt.encode({"iss": "https://issuer.example", "sub": "ann", "aud": "sre"}, "s" * 40, "HS256")
    wrong = f"{key[:-4]}AAAA"
    secrets = [key, gone, token, wrong]
    with serving(state, log, "--host", "0.0.0.0") as client:
        good = {"Authorization": f"Bearer {key}"}
        accepted = client.post(INCIDENTS, json={"description": "checkout answers 500"}, headers=good)
        answers = [accepted, client.get(accepted.headers["Location"], headers=good)]
        for one in secrets[1:]:
            answers += [
                client.get(INCIDENTS, headers={"X-API-Key": one}),
                client.get(INCIDENTS, headers={"Authorization": f"Bearer {one}"}),
                client.get(INCIDENTS, headers={"Authorization": f"Basic {one}"}),
            ]
        for one in secrets:
            client.get(f"{INCIDENTS}?key={one}", headers=good)
            client.get(f"{INCIDENTS}/{one}", headers=good)
            client.get(f"/{one}")
            client.post(INCIDENTS, content=f'{{"{one}": "{one}'.encode(), headers=good)

    text = log.read_text() + "".join(one.text + str(one.headers) for one in answers)
    assert [one.status_code for one in answers] == [202, 200] + [401] * 9
    assert '"who": "key:team"' in text
    parts = [key[-43:], gone[-43:], wrong[-43:], *token.split(".")]
    assert [one for one in parts if one in text] == []


def test_on_this_machine_no_key_is_needed_until_there_is_one(tmp_path: Path) -> None:
    with serving(tmp_path, tmp_path / "first.log") as client:
        opened = client.get(INCIDENTS).status_code
        rebound = client.get(INCIDENTS, headers={"Host": "evil.example"}).status_code
    made(tmp_path, "team")
    with serving(tmp_path, tmp_path / "second.log") as client:
        closed = client.get(INCIDENTS).status_code
        health = [client.get(path).status_code for path in ("/healthz", "/readyz")]

    assert (opened, rebound, closed, health) == (200, 403, 401, [200, 200])
