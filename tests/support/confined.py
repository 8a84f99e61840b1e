"""Commands in namespaces of their own: without network, without root, with a root file system that cannot be written."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from extras import absent, program


def without_network(command: Sequence[str]) -> list[str]:
    """Return the command that runs ``command`` where there is no network, not even a loopback."""
    return [*_unshare("--net"), *command]


def as_in_a_pod(command: Sequence[str], *, state: Path) -> list[str]:
    """Return the command that runs ``command`` as user 65532, without network; only ``state`` can be written."""
    folder = shlex.quote(str(state))
    steps = [
        "mount --make-rprivate /",
        f"mount --bind {folder} {folder}",
        "mount -o remount,bind,ro /",
        f"exec unshare --user --map-user=65532 --map-group=65532 -- {shlex.join(command)}",
    ]
    return [*_unshare("--net", "--mount"), "sh", "-c", " && ".join(steps)]


def _unshare(*namespaces: str) -> list[str]:
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    start = [program("unshare"), *user, *namespaces, "--"]
    done = subprocess.run([*start, "true"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        absent(f"namespaces are not permitted here: {done.stderr}")
    return start
