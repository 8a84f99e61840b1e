"""What is told of a recorded incident."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from shop import node, pod, service, thing, write, write_snapshot

from sre_orchestrator.api.doctor import Check, examine
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import Settings

METRICS = "# TYPE up gauge\nup 1 1000\n# EOF\n"


def checks(settings: Settings, path: Path) -> dict[tuple[str, str], Check]:
    return {(one.area, one.name): one for one in anyio.run(examine, settings, path).checks}


def recorded(folder: Path, *objects: dict[str, Any], **more: Any) -> Path:
    return write_snapshot(folder, pod("cart-1"), thing("Namespace", "shop", namespace=""), *objects, **more)


def test_a_recording_says_when_and_of_what_it_is(tmp_path: Path, settings: Settings) -> None:
    one = checks(settings, recorded(tmp_path))["snapshot", "recording"]

    assert one.found == f"{tmp_path}, recorded 2030-05-01 12:00:00 UTC, of shop"


def test_the_version_of_the_cluster_is_told(tmp_path: Path, settings: Settings) -> None:
    path = recorded(tmp_path)
    write(path / "cluster-info" / "cluster_version.json", '{"info": {"gitVersion": "v1.31.2"}}')

    assert checks(settings, path)["snapshot", "recording"].found.endswith(", Kubernetes v1.31.2")


def test_objects_are_counted_and_what_was_not_recorded_is_missing(tmp_path: Path, settings: Settings) -> None:
    found = checks(settings, recorded(tmp_path, service("cart"), node("node-a")))

    assert found["objects", "pods"].found == "1, all of them"
    assert found["objects", "nodes"].found == "1, all of them"
    assert found["objects", "deployments.apps"].state == "missing"
    assert "snapshot take" in found["objects", "deployments.apps"].remedy
    assert found["objects", "secrets"].state == "unused"
    assert found["objects", "endpointslices.discovery.k8s.io"].state == "unused"


def test_objects_of_some_namespaces_are_not_all(tmp_path: Path, settings: Settings) -> None:
    path = recorded(tmp_path, thing("Namespace", "other", namespace=""))
    one = checks(msgspec.structs.replace(settings, namespace="shop,other"), path)["objects", "pods"]

    assert (one.state, one.found) == ("missing", "1, all of shop")


def test_events_of_which_only_some_were_recorded_are_told(tmp_path: Path, settings: Settings) -> None:
    event = thing("Event", "cart", reason="BackOff")
    found = checks(settings, recorded(tmp_path, event, coverage={"events": "describe only"}))

    assert found["objects", "events"].found == "1, perhaps not all"


def test_leases_are_those_of_nodes(tmp_path: Path, settings: Settings) -> None:
    lease = thing("Lease", "node-a", namespace="kube-node-lease")

    assert checks(settings, recorded(tmp_path, lease))["objects", "leases.coordination.k8s.io"].state == "ok"


def test_records_beside_objects_are_counted(tmp_path: Path, settings: Settings) -> None:
    probe = {"namespace": "shop", "service": "cart", "port": 80, "reachable": True}
    path = recorded(
        tmp_path, logs={"shop/cart-1/app": "hello\n"}, probes=[probe], metrics=METRICS, topology={"web": ["cart"]}
    )
    found = checks(settings, path)

    assert found["records", "logs"].found == "1 of containers, full lines"
    assert found["records", "metrics"].found == "1 series"
    assert found["records", "probes"].found == "1 checks"
    assert found["records", "topology"].found == "1 call relations"
    assert found["records", "units"].state == "unused"


def test_logs_and_metrics_that_were_not_recorded_are_missing(tmp_path: Path, settings: Settings) -> None:
    found = checks(settings, recorded(tmp_path))

    assert (found["records", "logs"].state, found["records", "metrics"].state) == ("missing", "missing")


def test_files_that_cannot_be_read_are_gaps_of_their_own(tmp_path: Path, settings: Settings) -> None:
    path = recorded(tmp_path)
    write(path / "probes" / "tls.json", "{broken")
    one = checks(settings, path)["gaps", "probes/tls.json"]

    assert (one.state, one.remedy) == ("missing", "record the snapshot again")


def test_without_declared_namespaces_all_that_are_there_are_looked_at(tmp_path: Path, settings: Settings) -> None:
    path = recorded(tmp_path, thing("Namespace", "other", namespace=""))
    (path / "snapshot.yaml").unlink()

    assert checks(settings, path)["snapshot", "recording"].found.endswith("of other, shop")


def test_a_namespace_that_is_not_there_is_bad_input(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(InputError, match="no namespace 'shp'"):
        checks(msgspec.structs.replace(settings, namespace="shp"), recorded(tmp_path))
