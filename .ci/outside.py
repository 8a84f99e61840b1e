"""Tests the installed package from outside the checkout: outside.py CHECKOUT."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

MEMORY = "memory-limit-too-low"


def main(checkout: Path) -> None:
    """Import every package, compare the package data, and use the program; any failure raises."""
    setuptools = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    for name in setuptools["packages"]:
        module = importlib.import_module(name)
        assert checkout not in Path(str(module.__file__)).parents, f"{name} comes from the checkout"
    compare_data(checkout)
    for snapshot in archives():
        report = json.loads(run("diagnose", "--snapshot", str(snapshot), "--format", "json"))
        assert report["verdict"] == "diagnosed", f"{snapshot}: {report['verdict']}"
        assert report["hypotheses"][0]["cause"] == MEMORY, f"{snapshot}: {report['hypotheses'][0]['cause']}"
        print(f"diagnosed {snapshot.name}")
    assert MEMORY in run("demo")
    assert "OOMKilled" in run("explain", "1", "--snapshot", "demo")
    print(run("rules", "check") + run("rules", "test"), end="")
    assert "in use" in run("plugins")
    third_party()


def third_party() -> None:
    """Make a plugin, build it as its author would, install it, use it, and uninstall it."""
    outage = "acme-pay/tests/outage"
    run("plugin", "new", "acme-pay")
    pip("wheel", "--no-deps", "--wheel-dir", "dist", "./acme-pay")
    pip("install", *map(str, Path("dist").glob("acme_pay-*.whl")))
    first = json.loads(run("diagnose", "--snapshot", outage, "--format", "json"))["hypotheses"][0]
    assert first["cause"] == "acme-pay-outage", first["cause"]
    assert first["runbooks"][0]["title"] == "Acme Pay is down", first["runbooks"]
    print(run("plugins", "acme-pay"), end="")
    pip("uninstall", "--yes", "acme-pay")
    assert "acme-pay" not in run("plugins")


def pip(*arguments: str) -> None:
    """Run pip in this environment."""
    subprocess.run([sys.executable, "-m", "pip", "-q", *arguments], check=True, timeout=300)


def compare_data(checkout: Path) -> None:
    """Compare the data files that are installed with those in the checkout."""
    import sre_orchestrator.api  # noqa: PLC0415 - what is installed is what is tested here

    here = Path(str(sre_orchestrator.api.__file__)).parents[1]
    for layer in ("api", "core", "plugins", "rules", "twin"):
        ours, installed = (
            {
                path.relative_to(root)
                for path in (root / layer).rglob("*")
                if path.is_file() and ".py" not in path.suffix
            }
            for root in (checkout, here)
        )
        assert ours == installed, f"{layer}: {sorted(map(str, ours ^ installed))} are not in both"
    shutil.copytree(here / "api" / "demo" / "shop", "demo")


def archives() -> list[Path]:
    """Return the demo as a folder and in each form of archive."""
    folder = Path("demo")
    for suffix, mode in (("gz", "w:gz"), ("xz", "w:xz")):
        with tarfile.open(f"demo.tar.{suffix}", mode) as tar:  # type: ignore[call-overload] # the mode is a variable
            tar.add(folder)
    with zipfile.ZipFile("demo.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path)
    return [folder, Path("demo.tar.gz"), Path("demo.tar.xz"), Path("demo.zip")]


def run(*arguments: str) -> str:
    """Run the installed program; return its standard output."""
    program = Path(sys.executable).with_name("sre-orchestrator")
    done = subprocess.run([str(program), *arguments], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"{arguments}: {done.returncode}: {done.stderr}{done.stdout[-2000:]}"
    return done.stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]))
