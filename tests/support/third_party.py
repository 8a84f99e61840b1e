"""A fresh virtual environment in which the program of this checkout is installed, for plugins to be installed into.

::

    environment = Environment(tmp_path / "environment")
    environment.install(wheel(project, tmp_path / "dist"))
    environment.run("plugins", "--format", "json")
    environment.uninstall("acme-pay")

It sees the packages of the environment that runs the tests, behind its own: nothing is downloaded, and it is made in
milliseconds. `.ci/run wheel` does the same with a wheel of ours, for real.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import extras

PROGRAM = "#!{python}\nfrom sre_orchestrator.api.cli.main import main\n\nmain()\n"
SITE = "import site; site.addsitedir({folder!r})\n"  # with its .pth files, of which one may lead to this checkout


def wheel(project: Path, to: Path) -> Path:
    """Build a project with what is installed, and return its wheel."""
    extras.need("hatchling", "test")
    _pip("wheel", "--no-build-isolation", "--no-index", "--no-deps", "--wheel-dir", str(to), str(project))
    (built,) = to.glob(f"{project.name.replace('-', '_')}-*.whl")
    return built


class Environment:
    """A virtual environment beside the one that runs the tests."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False)
        self.folder = folder
        self.python = folder / "bin" / "python"
        self.variables: Mapping[str, str] = {}
        packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
        (packages / "beside.pth").write_text(SITE.format(folder=sysconfig.get_path("purelib")))
        program = folder / "bin" / "sre-orchestrator"
        program.write_text(PROGRAM.format(python=self.python))
        program.chmod(0o755)

    def install(self, *wheels: Path) -> None:
        """Install wheels, and nothing that they need."""
        _pip("--python", str(self.python), "install", "--no-index", "--no-deps", *map(str, wheels))

    def uninstall(self, name: str) -> None:
        """Remove what was installed."""
        _pip("--python", str(self.python), "uninstall", "--yes", name)

    def run(self, *arguments: str, at: Path | None = None, code: int = 0) -> str:
        """Return what the program prints, in an environment without the settings of whoever runs the tests."""
        return self._call(self.folder / "bin" / "sre-orchestrator", *arguments, at=at, code=code)

    def told(self, *arguments: str, at: Path | None = None, code: int = 0) -> Any:
        """Return the JSON that the program prints."""
        return json.loads(self.run(*arguments, "--format", "json", at=at, code=code))

    @contextmanager
    def running(self, *arguments: str) -> Iterator[None]:
        """Let the program run while the context lasts; it must end well when it is told to."""
        command = [str(self.folder / "bin" / "sre-orchestrator"), *arguments]
        with (self.folder / "running.log").open("w") as log:
            process = subprocess.Popen(command, cwd=self.folder, env=self._variables(), stdout=log, stderr=log)
            try:
                yield
            finally:
                process.terminate()
                code = process.wait(60)
        assert code == 0, (self.folder / "running.log").read_text()[-3000:]

    def test(self, project: Path) -> str:
        """Run the tests of a project, and return what pytest says last."""
        done = self._call(self.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", at=project)
        return done.strip().splitlines()[-1]

    def execute(self, program: str, *arguments: str) -> str:
        """Return what a Python program prints."""
        return self._call(self.python, "-c", program, *arguments)

    def _call(self, *command: str | Path, at: Path | None = None, code: int = 0) -> str:
        done = subprocess.run(
            list(map(str, command)), cwd=at or self.folder, env=self._variables(),
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == code, f"{command}: {done.returncode}: {done.stderr[-3000:]}{done.stdout[-3000:]}"
        return done.stdout

    def _variables(self) -> Mapping[str, str]:
        return {
            "PATH": os.pathsep.join([str(self.folder / "bin"), os.environ["PATH"]]),
            "SRE_ORCHESTRATOR_STATE_DIR": str(self.folder / "state"),
            "COLUMNS": "200",
            **self.variables,
        }


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{arguments}: {done.stderr}{done.stdout}"
