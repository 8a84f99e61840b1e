"""Rewrites a recorded incident so that nothing that identifies it is left: names, images, free labels, times, orders.

What the rules may know stays: well-known labels and annotations, Kubernetes' own words,
infrastructure images, system namespaces. A diagnosis must not change by more than the names.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

SHIFT = timedelta(days=-403, hours=-5, minutes=-17)
SYSTEM = re.compile(r"^(?:default|kube-.*|istio-.*|monitor.*|local-path-storage|ingress.*)$")
RENAMED = (
    "deployments", "statefulsets", "daemonsets", "services", "pvcs", "configmaps", "secrets", "serviceaccounts",
    "resource-quota", "ingress", "network-policy", "jobs", "cronjobs",
)  # fmt: skip
GLOBAL = ("nodes", "pvs", "storage-classes")
KEPT = frozenset(
    {"default", "kubernetes", "kube-root-ca.crt", "kube-dns", "coredns", "standard", "app", "name", "master"}
)
WELL_KNOWN = re.compile(r"[\w.-]*(?:kubernetes|k8s|helm|istio|prometheus)\.(?:io|sh)(?:/[\w.-]+)?")
ISO = re.compile(r"\b(20\d\d-\d\d-\d\d)([T ])(\d\d:\d\d:\d\d)")
KLOG = re.compile(r"^([IWEF])(\d\d)(\d\d) (\d\d:\d\d:\d\d)", re.MULTILINE)
GO_LOG = re.compile(r"\b(20\d\d/\d\d/\d\d) (\d\d:\d\d:\d\d)\b")
SAMPLE = re.compile(r"(\s)(1\d{9})((?:\.\d+)?)$", re.MULTILINE)
UNORDERED = frozenset({"items", "conditions", "addresses", "notReadyAddresses", "taints", "tolerations", "env"})
SYLLABLES = (
    "ba",
    "de",
    "fi",
    "go",
    "lu",
    "ma",
    "ne",
    "pi",
    "ro",
    "su",
    "ta",
    "ve",
    "wi",
    "xo",
    "za",
    "ke",
    "no",
    "tri",
)


def mutate(case: Path, target: Path, seed: int) -> dict[str, str]:
    """Write ``case``, rewritten, to the folder ``target``; return old name → new name."""
    chance = random.Random(seed)
    names = _names(case, chance)
    longest_first = sorted(map(re.escape, names), key=len, reverse=True)
    words = re.compile(rf"{WELL_KNOWN.pattern}|(?<![A-Za-z0-9])(?P<name>{'|'.join(longest_first)})(?![A-Za-z0-9])")

    def rename(text: str) -> str:
        return words.sub(lambda match: names[match["name"]] if match["name"] else match[0], text)

    for path in sorted(one for one in case.rglob("*") if one.is_file()):
        text = shifted(path.read_bytes().decode("utf-8", "replace"), path.suffix == ".om")
        if path.suffix == ".json":
            text = json.dumps(_shuffled(json.loads(text), chance), ensure_ascii=False)
        place = target / rename(str(path.relative_to(case)))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(rename(text), encoding="utf-8")
    return names


def shifted(text: str, samples: bool) -> str:
    """Return ``text`` with every time moved by ``SHIFT``."""
    text = ISO.sub(lambda m: f"{_moved(f'{m[1]} {m[3]}'):%Y-%m-%d{m[2]}%H:%M:%S}", text)
    text = GO_LOG.sub(lambda m: f"{_moved(m[1].replace('/', '-') + ' ' + m[2]):%Y/%m/%d %H:%M:%S}", text)
    text = KLOG.sub(lambda m: f"{m[1]}{_moved(f'2025-{m[2]}-{m[3]} {m[4]}'):%m%d %H:%M:%S}", text)
    if samples:
        text = SAMPLE.sub(lambda m: f"{m[1]}{int(m[2]) + int(SHIFT.total_seconds())}{m[3]}", text)
    return text


def _moved(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) + SHIFT


def _names(case: Path, chance: random.Random) -> dict[str, str]:
    """Return a new name for each name that an owner chose."""
    base = case / "cluster-resources"
    found: set[str] = set()
    for folder in RENAMED:
        for path in sorted((base / folder).glob("*.json")):
            if not SYSTEM.match(path.stem):
                found |= set(_owned(_items(path)))
                found.add(path.stem)
    for name in GLOBAL:
        found |= {one["metadata"]["name"] for one in _items(base / f"{name}.json")}
    found |= set(_topology(case))
    found = {name for name in found if name and name not in KEPT and not SYSTEM.match(name) and len(name) > 1}
    made: dict[str, str] = {}
    for name in sorted(found):
        made[name] = _new(chance, set(made.values()))
    return made


def _owned(items: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """Yield names, values of free labels, and the paths of application images."""
    for one in items:
        yield one["metadata"]["name"]
        spec = one.get("spec", {})
        template = spec.get("template", {}) if isinstance(spec, dict) else {}
        for holder in (one["metadata"], template.get("metadata", {})):
            yield from (
                str(value)
                for key, value in (holder.get("labels") or {}).items()
                if "/" not in key and not str(value).isdigit() and str(value) not in {"true", "false"}
            )
        for inside in template.get("spec", {}).get("containers", ()):
            image = str(inside.get("image", "")).rsplit("@", 1)[0]
            path = image.rsplit(":", 1)[0] if ":" in image.rsplit("/", 1)[-1] else image
            if not re.search(r"mysql|mariadb|postgres|redis|rabbitmq|mongo|kafka|nginx|envoy|nacos", path):
                yield path.rsplit("/", 1)[-1]


def _items(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text()).get("items") or [] if path.is_file() else []


def _topology(case: Path) -> Iterable[str]:
    path = case / "topology" / "service-dependencies.json"
    return json.loads(path.read_text()) if path.is_file() else ()


def _new(chance: random.Random, taken: set[str]) -> str:
    while True:
        name = "".join(chance.choice(SYLLABLES) for _ in range(4)) + chance.choice(("", "-x", "-svc2"))
        if name not in taken:
            return name


def _shuffled(value: Any, chance: random.Random, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _shuffled(one, chance, name) for name, one in value.items()}
    if isinstance(value, list):
        made = [_shuffled(one, chance) for one in value]
        if key in UNORDERED:
            chance.shuffle(made)
        return made
    return value
