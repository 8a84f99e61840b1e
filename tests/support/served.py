"""A service in a process of its own, on the demo incident or on the cluster of other ``arguments``.

::

    with served(tmp_path, settings_file) as (process, address): ...
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from metric_servers import until

ADDRESS = re.compile(r"http://127[\d.]+:\d+(?=\D)")
DEMO = Path(__file__).parents[2] / "api" / "demo" / "shop"


@contextmanager
def served(
    state: Path, settings: Path | None = None, arguments: Sequence[object] = ("--snapshot", DEMO)
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run ``serve`` with its state in ``state`` and yield it with its address; it is killed at the end."""
    command = [sys.executable, "-m", "sre_orchestrator.api.cli.main", "serve", "--port", "0", *map(str, arguments)]
    options = ["--state-dir", str(state), *(["--settings", str(settings)] if settings else [])]
    state.mkdir(parents=True, exist_ok=True)
    log = state / "serve.log"  # a pipe that nobody reads would stop it
    with log.open("w", encoding="utf-8") as written, subprocess.Popen([*command, *options], stderr=written) as process:
        try:
            until(lambda: process.poll() is not None or bool(ADDRESS.search(log.read_text(encoding="utf-8"))), 180)
            found = ADDRESS.search(log.read_text(encoding="utf-8"))
            assert found, log.read_text(encoding="utf-8")
            yield process, found[0]
        finally:
            process.kill()
