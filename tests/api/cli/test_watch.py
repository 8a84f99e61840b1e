"""``watch`` from the command line: one look, rounds, signals, and a process that is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from command_line import Run
from keeping import eventually

from sre_orchestrator.api.cli.watch import heed_signals
from sre_orchestrator.api.logs import configure_logs, warn
from sre_orchestrator.api.wire import serving, write_kubeconfig

DEMO = Path(__file__).parents[3] / "api" / "demo" / "shop"


@pytest.fixture
def state(run: Run, state_dir: Path, tmp_path: Path) -> Path:
    """Return a state folder of its own in which the rule book is compiled already."""
    if not (state_dir / "cache").exists():
        assert run("watch", "--snapshot", DEMO, "--once").code == 0
    shutil.copytree(state_dir / "cache", tmp_path / "state" / "cache")
    return tmp_path / "state"


def test_one_look_opens_the_incident_of_a_snapshot(run: Run, state: Path) -> None:
    result = run("watch", "--snapshot", DEMO, "--once", "--state-dir", state)

    assert result.code == 0
    (line,) = result.out.splitlines()
    assert "open" in line
    assert "memory-limit-too-low at deployment/shop/pricing" in line
    (folder,) = (state / "incidents").iterdir()
    assert sorted(one.name for one in folder.iterdir()) == ["bundle.json.gz", "incident.json", "report.json"]
    assert run("replay", folder / "bundle.json.gz").code == 0


def test_what_happens_is_one_object_a_line_and_happens_once(run: Run, state: Path) -> None:
    asked = ("watch", "--snapshot", DEMO, "--once", "--format", "json", "--state-dir", state, "--namespace", "shop")
    told = json.loads(run(*asked).out)

    assert told["event"] == "open"
    assert told["incident"]["cause"] == "memory-limit-too-low"
    again = run(*asked)
    assert (again.code, again.out) == (0, "")
    assert all(json.loads(line)["event"] for line in again.err.splitlines())


def test_a_state_that_cannot_be_read_is_told(run: Run, state: Path) -> None:
    (state / "watch.json").write_text("{")

    result = run("watch", "--snapshot", DEMO, "--once", "--state-dir", state)

    assert result.code == 0
    assert "watch.json: cannot be read and is left out" in result.err


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("--snapshot", "nowhere", "--once"), 1, "nowhere"),
        (("--snapshot", DEMO, "--once", "--interval", "soon"), 2, "--interval 'soon': is no time"),
        (("--snapshot", DEMO, "--once", "--interval", "0s"), 2, "--interval '0s': is no time"),
        (("--snapshot", DEMO, "--once", "--namespace", "absent"), 1, "namespace 'absent' does not exist"),
        (("--kubeconfig", "nowhere", "--once"), 1, "nowhere"),
        (("--kubeconfig", "nowhere"), 2, "error: nowhere: does not exist; give a kubeconfig"),
    ],
)
def test_what_cannot_be_watched_is_named(
    run: Run, state: Path, arguments: tuple[object, ...], code: int, complaint: str
) -> None:
    result = run("watch", *arguments, "--state-dir", state)

    assert result.code == code
    assert complaint in result.err


def test_logs_are_for_people_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    configure_logs()

    warn("the state is gone")

    assert "the state is gone" in capsys.readouterr().err
    monkeypatch.undo()
    configure_logs()
    warn("the state is gone")
    assert json.loads(capsys.readouterr().err)["problem"] == "the state is gone"


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[Path]:
    """Return a kubeconfig of the demo as a running cluster."""
    with serving(DEMO) as url:
        yield write_kubeconfig(tmp_path / "kubeconfig", url)


def test_a_running_cluster_is_looked_at_once(run: Run, state: Path, kubeconfig: Path) -> None:
    result = run("watch", "--kubeconfig", kubeconfig, "--once", "--state-dir", state)

    assert result.code == 0
    assert "open" in result.out
    assert not (state / "twin").exists()


def test_a_running_cluster_is_followed_until_a_signal_comes(run: Run, state: Path, kubeconfig: Path) -> None:
    def end() -> None:
        eventually((state / "watch.json").exists, "the end of a round")
        os.kill(os.getpid(), signal.SIGTERM)

    ending = threading.Thread(target=end)
    ending.start()
    result = run("watch", "--kubeconfig", kubeconfig, "--interval", "1h", "--port", "0", "--state-dir", state)
    ending.join()

    assert result.code == 0
    assert json.loads(result.err.splitlines()[0])["event"] == "serving"
    assert (state / "twin" / "cluster.db").exists()


def test_a_second_signal_ends_at_once() -> None:
    async def scenario() -> bool:
        stop = anyio.Event()
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(heed_signals, stop, scope)
                await anyio.lowlevel.checkpoint()
                os.kill(os.getpid(), signal.SIGTERM)
                await stop.wait()
                os.kill(os.getpid(), signal.SIGTERM)
                await anyio.sleep_forever()
        return scope.cancelled_caught

    assert anyio.run(scenario)


@contextmanager
def watching(state: Path, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run ``watch`` in a process of its own with logs and news in files; kill it at the end."""
    command = [sys.executable, "-m", "sre_orchestrator.api.cli.main", "watch", "--state-dir", str(state)]
    with (state / "news").open("a") as out, (state / "log").open("a") as err:
        process = subprocess.Popen(
            [*command, "--snapshot", str(DEMO), "--format", "json", *map(str, arguments)],
            stdout=out,
            stderr=err,
            text=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def rounds(state: Path) -> int:
    return sum(one["event"] == "round" for one in lines(state / "log"))


def test_a_process_that_is_killed_between_rounds_loses_nothing_and_opens_nothing_twice(state: Path) -> None:
    for number in range(1, 3):
        with watching(state, "--interval", "0.2s") as process:
            eventually(lambda number=number: rounds(state) >= 4 * number, "the fourth round")  # type: ignore[misc]
            process.send_signal(signal.SIGKILL)
            process.wait()

    assert [one["event"] for one in lines(state / "news")] == ["open"]
    assert len(list((state / "incidents").iterdir())) == 1


def test_a_watch_tells_its_health_and_ends_when_it_is_asked_to(state: Path) -> None:
    with watching(state, "--interval", "60s", "--port", "0") as process:
        eventually(lambda: rounds(state) >= 1, "the first round")
        address = next(one["address"] for one in lines(state / "log") if one["event"] == "serving")
        ready = httpx.get(f"{address}/readyz")
        figures = httpx.get(f"{address}/metrics")
        process.send_signal(signal.SIGTERM)
        code = process.wait(20)

    assert (ready.status_code, ready.json()["ready"], code) == (200, True, 0)
    assert 'sre_orchestrator_watch_rounds_total{outcome="succeeded"} 1.0' in figures.text
