"""Writes the incident that ``sre-orchestrator demo`` diagnoses: ``python tests/support/demo.py`` fills api/demo/shop."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import demo_records
import msgspec
import shop
from demo_objects import BEFORE, CAPTURED, objects

FOLDER = Path(__file__).parents[2] / "api" / "demo" / "shop"
READ = (
    "ConfigMap",
    "DaemonSet",
    "Ingress",
    "IngressClass",
    "LimitRange",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "ResourceQuota",
)


def write(folder: Path) -> Path:
    """Write the snapshot into ``folder``; JSON is indented, so that people can read it."""
    shutil.rmtree(folder, ignore_errors=True)
    shop.write_snapshot(
        folder,
        *objects(),
        question="checkout answers 500",
        kinds=READ,
        logs=demo_records.logs(),
        probes=demo_records.probes(),
        alerts=demo_records.alerts(),
        units=demo_records.units(),
        metrics=demo_records.metrics(),
        topology=demo_records.topology(),
    )
    info = msgspec.yaml.decode((folder / "snapshot.yaml").read_bytes())
    shop.write(folder / "snapshot.yaml", msgspec.yaml.encode(info | {"captured_at": f"{CAPTURED:%Y-%m-%dT%H:%M:%SZ}"}))
    for path in folder.rglob("*.json"):
        text = json.dumps(json.loads(path.read_bytes()), indent=1, ensure_ascii=False)
        shop.write(path, text.replace(shop.EARLIER, BEFORE) + "\n")
    return folder


if __name__ == "__main__":
    print(write(Path(sys.argv[1]) if sys.argv[1:] else FOLDER))
