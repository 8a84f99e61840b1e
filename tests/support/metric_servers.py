"""Real servers of metrics and alerts for tests: Prometheus, VictoriaMetrics, Alertmanager, on ports of their own.

    with prometheus(tmp_path, metrics) as url: ...

``metrics`` is OpenMetrics text with timestamps, as in a snapshot; it is loaded before the server starts.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from extras import program

READY_SECONDS = 20.0
GUARDED = (400, 401)  # it is there, and wants TLS or a password


@contextmanager
def prometheus(folder: Path, metrics: str = "", config: str = "", *flags: str) -> Iterator[str]:
    """Run Prometheus with ``metrics`` in its store and yield its address."""
    data = folder / "prometheus-data"
    data.mkdir(parents=True)
    if metrics:
        source = folder / "metrics.om"
        source.write_text(whole(metrics), encoding="utf-8")
        promtool = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", str(source), str(data)]
        subprocess.run(promtool, check=True, capture_output=True)
    settings = folder / "prometheus.yml"
    settings.write_text(config or "global: {}\n", encoding="utf-8")
    port = free_port()
    command = [
        program("prometheus"),
        f"--config.file={settings}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
        *flags,
    ]
    with _running(command, folder / "prometheus.log"):
        yield _ready(f"http://127.0.0.1:{port}", "/-/ready", folder / "prometheus.log")


@contextmanager
def victoria_metrics(folder: Path, metrics: str) -> Iterator[str]:
    """Run VictoriaMetrics with ``metrics`` in its store and yield its address."""
    data = folder / "victoria-data"
    data.mkdir(parents=True)
    port = free_port()
    command = [
        program("victoria-metrics"),
        f"-storageDataPath={data}",
        f"-httpListenAddr=127.0.0.1:{port}",
        "-retentionPeriod=100y",
        "-search.latencyOffset=0s",
        "-memory.allowedBytes=64MB",
    ]
    with _running(command, folder / "victoria.log"):
        address = _ready(f"http://127.0.0.1:{port}", "/health", folder / "victoria.log")
        _sent(f"{address}/api/v1/import/prometheus", _in_milliseconds(metrics).encode())
        until(lambda: bool(_sent(f"{address}/internal/force_flush")) or True)
        yield address


@contextmanager
def alertmanager(folder: Path, config: str = "") -> Iterator[str]:
    """Run Alertmanager and yield its address."""
    settings = folder / "alertmanager.yml"
    settings.write_text(config or "route: {receiver: none}\nreceivers: [{name: none}]\n", encoding="utf-8")
    port = free_port()
    command = [
        program("prometheus-alertmanager"),
        f"--config.file={settings}",
        f"--storage.path={folder / 'alertmanager-data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with _running(command, folder / "alertmanager.log"):
        yield _ready(f"http://127.0.0.1:{port}", "/-/ready", folder / "alertmanager.log")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def until(holds: Callable[[], bool], seconds: float = READY_SECONDS, *, pause: float = 0.02) -> None:
    """Return once ``holds`` does; fail after ``seconds``."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(pause)  # between two looks at another process


def whole(metrics: str) -> str:
    """Return OpenMetrics text in the order that promtool wants: metric by metric, with its end."""
    lines = [line for line in metrics.splitlines() if line and not line.startswith("#")]
    return "\n".join([*sorted(lines, key=lambda line: re.split(r"[{ ]", line)[0]), "# EOF", ""])


def _in_milliseconds(metrics: str) -> str:
    found = []
    for line in whole(metrics).splitlines():
        if not line.startswith("#"):
            sample, _, at = line.rpartition(" ")
            found.append(f"{sample} {round(float(at) * 1000)}")
    return "\n".join(found) + "\n"


@contextmanager
def _running(command: Sequence[str], log: Path) -> Iterator[None]:
    with log.open("wb") as written:
        process = subprocess.Popen(command, stdout=written, stderr=written, env={**os.environ, "GOMAXPROCS": "1"})
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def _ready(address: str, path: str, log: Path) -> str:
    def answers() -> bool:
        try:
            return bool(_sent(address + path) or True)
        except HTTPError as error:
            return error.code in GUARDED
        except (URLError, OSError):
            return False

    try:
        until(answers)
    except AssertionError as error:
        raise AssertionError(log.read_text(errors="replace")[-2000:]) from error
    return address


def _sent(address: str, body: bytes | None = None) -> bytes:
    with urlopen(Request(address, data=body), timeout=10) as answer:
        return bytes(answer.read())
