"""The chart as the real Helm renders it, and manifests checked against the schemas of a Kubernetes version."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from extras import program
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

CHART = Path(__file__).parents[2] / "chart"
COMBINATIONS = tuple(sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml")))
HELMS = ("helm-3.18", "helm-4.3")
KUBERNETES = tuple(f"1.{minor}" for minor in range(28, 38))
Manifest = dict[str, Any]
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def helm(version: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``helm-3.18`` or ``helm-4.3`` without anybody's configuration, plugins or repositories."""
    homes = dict.fromkeys(("HOME", "HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"), "/nonexistent")
    command = [program(version), *arguments]
    environment = {"PATH": os.environ["PATH"], **homes}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)


@cache
def template(
    version: str, *, combination: str = "default", kubernetes: str = "1.37", sets: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Render the chart as release ``sre`` in the namespace ``tools``."""
    arguments = ["--namespace", "tools", "--kube-version", f"{kubernetes}.0", "--values", str(values(combination))]
    arguments += [part for one in sets for part in ("--set", one)]
    return helm(version, "template", "sre", str(CHART), *arguments)


def values(combination: str) -> Path:
    """Return the file of a documented combination of values."""
    return CHART / "ci" / f"{combination}-values.yaml"


def manifests(rendered: str) -> tuple[Manifest, ...]:
    """Return the documents of what Helm printed."""
    return tuple(one for one in yaml.load_all(rendered, Loader=_LOADER) if one)


def complaints(manifest: Mapping[str, Any], kubernetes: str) -> list[str]:
    """Return what the strict schemas of that version have against a manifest; a kind without a schema raises."""
    return list(_complaints(json.dumps(manifest, sort_keys=True), kubernetes))


@cache
def _complaints(manifest: str, kubernetes: str) -> tuple[str, ...]:
    one = json.loads(manifest)
    group, _, version = one["apiVersion"].rpartition("/")
    name = "-".join(filter(None, (one["kind"].lower(), group.partition(".")[0], version)))
    validator = Draft202012Validator(_schema(kubernetes, name), registry=_definitions(kubernetes))
    return tuple(f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(one))


@cache
def _schema(kubernetes: str, name: str) -> Any:
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{kubernetes}.0-local-strict"
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


@cache
def _definitions(kubernetes: str) -> Registry[Any]:
    return Resource.from_contents(_schema(kubernetes, "_definitions")) @ Registry()


def pods(documents: Sequence[Manifest]) -> Iterator[Manifest]:
    """Yield the specification of each pod that the documents make."""
    for one in documents:
        if one["kind"] == "Pod":
            yield one["spec"]
        elif "template" in one.get("spec", {}):
            yield one["spec"]["template"]["spec"]


def containers(pod: Manifest) -> list[Manifest]:
    """Return a pod's containers, those of its start included."""
    return [*pod.get("initContainers", ()), *pod["containers"]]


def one_of(documents: Sequence[Manifest], kind: str) -> Manifest:
    """Return the only document of that kind."""
    (found,) = [one for one in documents if one["kind"] == kind]
    return found
