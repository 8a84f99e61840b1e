"""``snapshot serve`` and ``snapshot take`` on the command line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import httpx
import pytest
from command_line import Run
from demo import FOLDER
from rich.console import Console

from sre_orchestrator.api.cli.common import shown_parts
from sre_orchestrator.api.cli.progress import PartsBar
from sre_orchestrator.api.wire import serving, write_kubeconfig


@contextmanager
def served(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run ``snapshot serve`` and yield it with the three lines that it prints."""
    command = [sys.executable, "-m", "sre_orchestrator.api.cli.main", "snapshot", "serve", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1) as serving:
        try:
            assert serving.stdout is not None
            yield serving, "".join(serving.stdout.readline() for _ in range(3))
        finally:
            serving.kill()


def address(said: str) -> str:
    return said.splitlines()[0].rsplit(" ", 1)[1]


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[Path]:
    with serving(FOLDER) as url:
        yield write_kubeconfig(tmp_path / "kubeconfig", url, namespace="shop")


def test_serve_prints_how_to_look_at_it_until_it_is_interrupted(tmp_path: Path) -> None:
    config = tmp_path / "config"

    with served(str(FOLDER), "--kubeconfig", str(config)) as (process, said):
        url = address(said)
        pods = httpx.get(f"{url}/api/v1/namespaces/shop/pods").json()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)

    assert len(pods["items"]) == 16
    assert json.loads(config.read_text())["clusters"][0]["cluster"]["server"] == url
    assert f"KUBECONFIG={config} kubectl get pods --namespace shop" in said
    assert (process.returncode, err) == (0, "")


def test_serve_without_a_kubeconfig_names_the_server(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr("sre_orchestrator.api.cli.snapshot._wait", interrupt)

    result = run("snapshot", "serve", FOLDER)

    assert (result.code, result.err) == (0, "")
    assert "kubectl --server http://127.0.0.1:" in result.out


def test_serve_names_files_that_it_cannot_use(tmp_path: Path) -> None:
    folder = tmp_path / "cluster-resources" / "pods"
    folder.mkdir(parents=True)
    (folder / "shop.json").write_text("{")

    with served(str(tmp_path)) as (process, said):
        url = address(said)
        assert httpx.get(f"{url}/healthz").text == "ok"
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=120)

    assert f"kubectl --server {url} get pods" in said
    assert "cluster-resources/pods/shop.json: cannot be read" in err
    assert process.returncode == 0


def test_serve_refuses_a_port_that_is_taken(run: Run) -> None:
    with serving(FOLDER) as url:
        result = run("snapshot", "serve", FOLDER, "--port", httpx.URL(url).port)

    assert result.code == 2
    assert "in use; choose another" in result.err


def test_serve_refuses_what_is_no_snapshot(run: Run, tmp_path: Path) -> None:
    result = run("snapshot", "serve", tmp_path)

    assert result.code == 2
    assert "is no snapshot" in result.err


def test_take_records_into_a_folder_that_can_be_diagnosed(run: Run, kubeconfig: Path, tmp_path: Path) -> None:
    place = tmp_path / "taken"

    taken = run("snapshot", "take", place, "--kubeconfig", kubeconfig, "--question", "checkout answers 500")
    diagnosed = run("diagnose", "--snapshot", place, "--at", "2026-03-12T14:20:00Z", "--namespace", "shop")

    assert taken.code == 0, taken.err
    assert f"recorded {place}" in taken.out
    assert (
        "not recorded: all secrets in namespace shop: listing them is forbidden (403); Role in namespace shop"
        in taken.err
    )
    assert diagnosed.code == 0, diagnosed.err
    assert "memory" in diagnosed.out


def test_take_packs_an_archive_and_leaves_nothing_else(run: Run, kubeconfig: Path, tmp_path: Path) -> None:
    place = tmp_path / "out" / "incident.tar.gz"
    place.parent.mkdir()

    taken = run(
        "snapshot", "take", place, "--kubeconfig", kubeconfig,
        "--namespace", "shop", "--logs-since", "1h", "--max-log-bytes", "64Ki",
    )  # fmt: skip
    again = run("snapshot", "take", place, "--kubeconfig", kubeconfig)

    assert taken.code == 0, taken.err
    assert [path.name for path in place.parent.iterdir()] == ["incident.tar.gz"]
    assert (again.code, "exists already" in again.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--logs-since", "soon"], "--logs-since 'soon': is no age; write 90s, 30m, 1h or 2d"),
        (["--max-log-bytes", "much"], "--max-log-bytes 'much': is no size; write 65536, 64Ki or 4Mi"),
        (["--max-log-bytes", "0"], "is no size"),
        (["--kubeconfig", "/nowhere"], "/nowhere: does not exist"),
    ],
)
def test_take_says_what_is_wrong_with_its_arguments(
    run: Run, tmp_path: Path, arguments: list[str], message: str
) -> None:
    result = run("snapshot", "take", tmp_path / "taken", *arguments)

    assert result.code == 2
    assert message in result.err
    assert not (tmp_path / "taken").exists()


def test_take_refuses_a_namespace_that_is_not_there(run: Run, kubeconfig: Path, tmp_path: Path) -> None:
    result = run("snapshot", "take", tmp_path / "taken", "--kubeconfig", kubeconfig, "--namespace", "shpo")

    assert result.code == 2
    assert result.err == "error: --namespace: there is no namespace 'shpo'; did you mean 'shop'?\n"
    assert not (tmp_path / "taken").exists()


def test_take_goes_on_after_an_interruption(
    run: Run, kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("sre_orchestrator.api.taking.streams_in", interrupt)
        stopped = run("snapshot", "take", tmp_path / "taken", "--kubeconfig", kubeconfig)
    went_on = run("snapshot", "take", tmp_path / "taken", "--kubeconfig", kubeconfig)

    assert (stopped.code, stopped.out) == (130, "")
    assert "the same command goes on where it stopped" in stopped.err
    assert went_on.code == 0, went_on.err


def test_take_packs_what_was_recorded_when_packing_failed(
    run: Run, kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "incident.zip"

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("zipfile.ZipFile.write", full)
        failed = run("snapshot", "take", place, "--kubeconfig", kubeconfig)
    packed = run("snapshot", "take", place)

    assert failed.code == 1
    assert "incident.zip: cannot be written: No space left on device; make room" in failed.err
    assert packed.code == 0, packed.err
    assert "not recorded: all secrets in namespace shop" in packed.err
    assert [path.name for path in tmp_path.glob("incident*")] == ["incident.zip"]


def test_take_goes_on_after_it_was_killed(run: Run, tmp_path: Path, state_dir: Path) -> None:
    asked: list[str] = []
    running: list[subprocess.Popen[bytes]] = []

    def kill_at_the_first_log(_: str, path: str, __: int) -> None:
        asked.append(path)
        if "/log?" in path and running:
            running.pop().kill()

    with serving(FOLDER, on_answer=kill_at_the_first_log) as url:
        config = write_kubeconfig(tmp_path / "kubeconfig", url, namespace="")
        arguments = ["snapshot", "take", str(tmp_path / "taken"), "--kubeconfig", str(config)]
        command = [sys.executable, "-m", "sre_orchestrator.api.cli.main", *arguments, "--state-dir", str(state_dir)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        running.append(process)
        killed = process.wait(timeout=60)
        asked.clear()
        went_on = run(*arguments)

    assert killed == -signal.SIGKILL
    assert went_on.code == 0, went_on.err
    assert not [path for path in asked if path.startswith("/api/v1/pods?")]
    assert [path.name for path in (tmp_path / "taken").glob(".*")] == []
    for path in (tmp_path / "taken").rglob("*.json"):
        json.loads(path.read_bytes())


def test_help_shows_examples(run: Run) -> None:
    for command in ("serve", "take"):
        assert f"sre-orchestrator snapshot {command} incident" in run("snapshot", command, "--help").out


def test_a_terminal_gets_a_bar_and_anything_else_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for watched in (True, False):
        monkeypatch.setattr("sys.stderr.isatty", lambda watched=watched: watched)
        with shown_parts() as bar:
            assert isinstance(bar, PartsBar) is watched


def test_the_bar_counts_parts() -> None:
    with PartsBar(Console(file=StringIO())) as bar:
        bar.expect(2)
        bar.done("pods")
        bar.expect(1)

        assert (bar._bar.tasks[0].completed, bar._bar.tasks[0].total) == (1, 3)
        assert bar._bar.tasks[0].description == "pods"
