"""Dumps of other tools are diagnosed like snapshots of the same cluster."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import anyio
import msgspec
import pytest
from clusters import Cluster, shop
from faults import FAULTS
from shop import BY_KIND, Json, write

from sre_orchestrator.api.wiring import Installation, diagnose_snapshot
from sre_orchestrator.core.settings import Settings

QUESTION = "the cart restarts"


def lists(cluster: Cluster) -> dict[tuple[str, str], list[Json]]:
    """Return the objects by kind and namespace."""
    found: dict[tuple[str, str], list[Json]] = defaultdict(list)
    for (kind, namespace, _), one in cluster.objects.items():
        found[kind, namespace].append(one)
    return found


def support_bundle(cluster: Cluster, folder: Path) -> None:
    """Write ``cluster-resources/KIND/NAMESPACE.json``, without secrets and our own ``snapshot.yaml``."""
    cluster.write(folder)
    (folder / "snapshot.yaml").unlink()
    shutil.rmtree(folder / "cluster-resources" / "secrets")


def cluster_info_dump(cluster: Cluster, folder: Path) -> None:
    """Write what ``kubectl cluster-info dump`` writes: no claims, secrets or config maps; wrapped logs."""
    for (kind, namespace), items in lists(cluster).items():
        if kind in {"Pod", "Deployment", "ReplicaSet", "DaemonSet", "Service", "Event", "Node"}:
            text = json.dumps({"kind": f"{kind}List", "items": items})
            write(folder / namespace / f"{BY_KIND[kind].plural}.json", text)
    for name, log in cluster.logs.items():
        if not name.endswith("-previous"):
            namespace, pod, container = name.split("/")
            line = f"logs for container {container} of pod {namespace}/{pod} ====\n"
            write(folder / namespace / pod / "logs.txt", f"==== START {line}{log}==== END {line}")


def must_gather(cluster: Cluster, folder: Path) -> None:
    """Write what ``oc adm must-gather`` writes: YAML, a file for each cluster-scoped object."""
    base = folder / "image-sha256-0123"
    for (kind, namespace), items in lists(cluster).items():
        listed = BY_KIND[kind]
        group = listed.group or "core"
        if listed.namespaced:
            text = msgspec.yaml.encode({"kind": f"{kind}List", "items": items})
            write(base / "namespaces" / namespace / group / f"{listed.plural}.yaml", text)
        for one in () if listed.namespaced else items:
            place = base / "cluster-scoped-resources" / group / listed.plural
            write(place / f"{one['metadata']['name']}.yaml", msgspec.yaml.encode(one))


@pytest.mark.parametrize("lay_out", [support_bundle, cluster_info_dump, must_gather])
def test_a_dump_is_diagnosed_and_what_it_lacks_is_a_gap(
    tmp_path: Path, lay_out: Callable[[Cluster, Path], None]
) -> None:
    cluster = shop()
    expected = FAULTS["memory_limit"](cluster)
    lay_out(cluster, tmp_path / "dump")
    installation = Installation(Settings(state_dir=str(tmp_path / "state")))

    report = anyio.run(lambda: diagnose_snapshot(installation, tmp_path / "dump", question=QUESTION)).report

    assert (report.hypotheses[0].cause, report.hypotheses[0].component) == expected
    assert report.verdict == "diagnosed"
    assert any(gap.why == "the snapshot holds none" for gap in report.gaps)
