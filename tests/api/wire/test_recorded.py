"""A snapshot, served: what it holds, what it lacks, its moment, its logs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest
from demo import FOLDER

from sre_orchestrator.api.wire import serving, store_of, write_kubeconfig
from sre_orchestrator.core.documents import read_yaml
from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import SnapshotLimits
from sre_orchestrator.plugins.sources.snapshot import open_snapshot


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


@contextmanager
def client(path: Path) -> Iterator[httpx.Client]:
    with serving(path) as url, httpx.Client(base_url=url) as client:
        yield client


def test_every_object_of_the_demo_is_served() -> None:
    recorded = json.loads((FOLDER / "cluster-resources/pods/shop.json").read_text())["items"]

    with client(FOLDER) as demo:
        served = demo.get("/api/v1/pods").json()["items"]

    by_name = {one["metadata"]["name"]: one for one in served}
    for pod in recorded:
        found = by_name[pod["metadata"]["name"]]
        found["metadata"].pop("resourceVersion")
        assert found == {key: value for key, value in pod.items() if key not in ("kind", "apiVersion")}


def test_ages_count_from_the_moment_of_the_snapshot() -> None:
    with open_snapshot(FOLDER, SnapshotLimits()) as snapshot:
        assert store_of(snapshot).store.clock() == snapshot.captured_at == datetime(2026, 3, 12, 14, 20, tzinfo=UTC)


def test_what_was_not_recorded_is_forbidden_and_an_empty_list_is_empty(tmp_path: Path) -> None:
    write(tmp_path / "cluster-resources/services/shop.json", {"kind": "ServiceList", "items": []})
    write(tmp_path / "cluster-resources/pods/shop.json", "{broken")

    with client(tmp_path) as served:
        services, secrets = served.get("/api/v1/services"), served.get("/api/v1/secrets")

    assert services.json()["items"] == []
    assert secrets.status_code == 403
    assert "the snapshot holds none" in secrets.json()["message"]


def test_files_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    write(tmp_path / "cluster-resources/pods/shop.json", "{broken")

    with open_snapshot(tmp_path, SnapshotLimits()) as snapshot:
        problems = store_of(snapshot).problems

    assert [one.where for one in problems] == ["cluster-resources/pods/shop.json"]


def test_a_kind_that_no_struct_describes_is_served(tmp_path: Path) -> None:
    widget = {"kind": "Widget", "apiVersion": "example.org/v1", "metadata": {"name": "a", "namespace": "shop"}}
    write(tmp_path / "cluster-resources/custom-resources/widgetry.example.org/shop.json", [widget])

    with client(tmp_path) as served:
        answer = served.get("/apis/example.org/v1/namespaces/shop/widgetry/a")

    assert answer.json()["kind"] == "Widget"


@pytest.mark.parametrize("previous", ["", "-previous"])
def test_logs_are_served_from_their_files(tmp_path: Path, previous: str) -> None:
    pod = {"metadata": {"name": "a", "namespace": "shop"}, "spec": {"containers": [{"name": "web"}]}}
    write(tmp_path / "cluster-resources/pods/shop.json", [pod])
    write(tmp_path / f"cluster-resources/pods/logs/shop/a/web{previous}.log", "one\ntwo\n")

    with client(tmp_path) as served:
        query = {"previous": "true"} if previous else {}
        path = "/api/v1/namespaces/shop/pods/a/log"
        whole, followed = served.get(path, params=query), served.get(path, params={**query, "follow": "true"})

    assert whole.text == followed.text == "one\ntwo\n"


def test_a_log_in_a_shared_file_is_served_alone(tmp_path: Path) -> None:
    containers = [{"name": "web"}, {"name": "db"}]
    pod = {"metadata": {"name": "a", "namespace": "shop"}, "spec": {"containers": containers}}
    write(tmp_path / "shop/pods.json", {"kind": "PodList", "items": [pod]})
    log = "".join(
        f"==== START logs for container {name} of pod shop/a ====\nfrom {name}\n==== END logs for container {name} of pod shop/a ====\n"
        for name in ("web", "db")
    )
    write(tmp_path / "shop/a/logs.txt", log)

    with client(tmp_path) as served:
        answer = served.get("/api/v1/namespaces/shop/pods/a/log", params={"container": "db"})

    assert answer.text == "from db\n"


def test_a_kubeconfig_has_one_context_without_credentials(tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "config", "http://127.0.0.1:1", namespace="shop", context="incident")

    read = read_yaml(path.read_bytes(), dict[str, object])
    assert read["current-context"] == "incident"
    assert msgspec.json.decode(path.read_bytes())["contexts"][0]["context"]["namespace"] == "shop"
    assert read["users"] == [{"name": "incident", "user": {}}]


def test_a_kubeconfig_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written: No such file"):
        write_kubeconfig(tmp_path / "nowhere" / "config", "http://127.0.0.1:1")
