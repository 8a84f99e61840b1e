"""The Dockerfile, executed: each RUN line, in order, below a root of its own; then what the image would start.

No container engine is needed. A virtual environment stands for the base image, the Dockerfile's own arguments
(``--build-arg``) for the absolute paths, and a later stage sees of an earlier one only what it copies.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from checkout import ROOT, copy_for_image
from confined import as_in_a_pod
from extras import absent

from sre_orchestrator.core.models import Struct

FOLDERS = {"SOURCE", "WHEELS", "PROGRAM", "STATE"}
VARIABLE = re.compile(r"\$\{(\w+)\}")


class Line(Struct, frozen=True, kw_only=True):
    """One instruction, its continuation lines joined."""

    name: str
    rest: str


def instructions(text: str) -> Iterator[Line]:
    kept = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in kept.replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield Line(name=name, rest=" ".join(shlex.split(rest)) if name in {"ARG", "ENV"} else rest.strip())


DOCKERFILE = tuple(instructions((ROOT / "Dockerfile").read_text(encoding="utf-8")))


class Image:
    """Builds the stages of the Dockerfile below ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folders = {name: root / "image" / name.lower() for name in FOLDERS}
        self.entrypoint: list[str] = []
        self.workdir = root
        self.environment: dict[str, str] = {}
        self._base = root / "base"
        subprocess.run([sys.executable, "-m", "venv", str(self._base)], check=True)

    def build(self) -> None:
        """Carry out each instruction."""
        for line in DOCKERFILE:
            getattr(self, f"_{line.name.lower()}")(line.rest)

    def _from(self, _: str) -> None:
        if (self.root / "image").exists():
            (self.root / "image").rename(self.root / "build")
        (self.root / "image").mkdir()
        self.environment = {"PATH": f"{self._base}/bin:/usr/local/bin:/usr/bin:/bin", "HOME": str(self.root)}
        own_index = {key: value for key, value in os.environ.items() if key.startswith("PIP_") or key == "HOME"}
        self.environment |= own_index

    def _arg(self, rest: str) -> None:
        name, _, default = rest.partition("=")
        self.environment[name] = str(self.folders.get(name, default))

    def _env(self, rest: str) -> None:
        for pair in shlex.split(rest):
            name, _, value = pair.partition("=")
            self.environment[name] = self._expand(value)

    def _copy(self, rest: str) -> None:
        *options, source, target = shlex.split(self._expand(rest))
        if options:
            shutil.copytree(source.replace(str(self.root / "image"), str(self.root / "build")), target, symlinks=True)
        else:
            copy_for_image(Path(target))

    def _run(self, rest: str) -> None:
        done = subprocess.run(
            ["sh", "-c", rest], env=self.environment, cwd=self.root, capture_output=True, text=True, check=False
        )
        if "No matching distribution" in done.stderr:
            absent(f"no package index answers: {done.stderr[-300:]}")
        assert done.returncode == 0, f"RUN {rest}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"

    def _workdir(self, rest: str) -> None:
        self.workdir = Path(self._expand(rest))

    def _entrypoint(self, rest: str) -> None:
        self.entrypoint = json.loads(rest)

    def _label(self, _: str) -> None: ...

    _user = _expose = _cmd = _label

    def _expand(self, text: str) -> str:
        return VARIABLE.sub(lambda found: self.environment[found[1]], text)


@pytest.mark.timeout(600)
def test_every_run_line_works_and_the_image_diagnoses_confined(tmp_path: Path) -> None:
    image = Image(tmp_path)
    image.build()

    demo = as_in_a_pod([*image.entrypoint, "demo"], state=image.folders["STATE"])
    done = subprocess.run(
        demo, env=image.environment, cwd=image.workdir, capture_output=True, text=True, check=False, timeout=120
    )

    database = subprocess.run(["python", "-c", "import procrastinate, psycopg"], env=image.environment, check=False)

    assert done.returncode == 0, done.stderr
    assert "memory-limit-too-low" in done.stdout
    assert database.returncode == 0
    assert sorted(path.name for path in (tmp_path / "image").iterdir()) == ["program", "state"]


def test_run_lines_name_folders_by_arguments_only() -> None:
    absolute = re.compile(r'(?<![\w}"/.])/[a-z]')

    assert [line.rest for line in DOCKERFILE if line.name == "RUN" and absolute.search(line.rest)] == []
    assert {line.rest.partition("=")[0] for line in DOCKERFILE if line.name == "ARG"} == FOLDERS | {
        "PYTHON_IMAGE",
        "EXTRAS",
    }


def test_the_base_image_is_pinned_and_the_user_is_nobody() -> None:
    (base,) = {line.rest for line in DOCKERFILE if line.name == "ARG" and line.rest.startswith("PYTHON_IMAGE")}
    users = [line.rest for line in DOCKERFILE if line.name == "USER"]

    assert re.fullmatch(r"PYTHON_IMAGE=python:\d+\.\d+\.\d+-slim-\w+", base)
    assert {line.rest.split()[0] for line in DOCKERFILE if line.name == "FROM"} == {"${PYTHON_IMAGE}"}
    assert users == ["65532:65532"]


def test_image_chart_and_program_have_one_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    chart = yaml.safe_load((ROOT / "chart" / "Chart.yaml").read_text(encoding="utf-8"))
    (labels,) = (line.rest for line in DOCKERFILE if line.name == "LABEL")

    assert f'org.opencontainers.image.version="{version}"' in labels
    assert {chart["version"], chart["appVersion"]} == {version}
