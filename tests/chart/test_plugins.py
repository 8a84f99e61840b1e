"""The init container's own command, with its folders elsewhere: a wheel becomes a plugin that the program finds."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from confined import without_network
from helm import HELMS, manifests, one_of, template

PLUGIN = '''
from sre_orchestrator.core.hookspecs import hookimpl


class QueuesAgent:
    """Looks at queues."""

    name = "queues"
    description = "message queues"
    kinds = frozenset()

    async def gather(self, scope, sources):
        """Yield nothing."""
        return
        yield


@hookimpl
def register_agents(settings):
    return [QueuesAgent()]
'''


def wheel(folder: Path) -> None:
    """Write a wheel as any build tool would."""
    info = "acme_queues-1.0.dist-info"
    with zipfile.ZipFile(folder / "acme_queues-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("acme_queues.py", PLUGIN)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: acme-queues\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/entry_points.txt", "[sre_orchestrator]\nqueues = acme_queues\n")
        archive.writestr(f"{info}/RECORD", "")


def test_a_mounted_wheel_becomes_a_plugin(tmp_path: Path) -> None:
    pod = one_of(manifests(template(HELMS[0], combination="plugins-claim").stdout), "StatefulSet")["spec"]["template"][
        "spec"
    ]
    (install,) = pod["initContainers"]
    (variable,) = [one["value"] for one in pod["containers"][0]["env"] if one["name"] == "PYTHONPATH"]
    for name in ("wheels", "plugins"):
        (tmp_path / name).mkdir()
    wheel(tmp_path / "wheels")
    command = [
        part.replace("/wheels", f"{tmp_path}/wheels").replace("/plugins", f"{tmp_path}/plugins")
        for part in install["command"]
    ]
    programs = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SRE_ORCHESTRATOR_STATE_DIR": str(tmp_path),
    }

    subprocess.run(without_network(command), env=programs, check=True, capture_output=True, timeout=60)
    found = subprocess.run(
        ["sre-orchestrator", "plugins"], env={**programs, "PYTHONPATH": f"{tmp_path}{variable}"},
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert "in use" in next(line for line in found.stdout.splitlines() if "acme" in line)
