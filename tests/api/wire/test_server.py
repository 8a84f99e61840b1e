"""The protocol as clients see it: lists, pages, forms, errors, discovery, reviews, logs."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from sre_orchestrator.api.wire import Store, serving
from sre_orchestrator.api.wire.logs import LogKey, WrittenLog
from sre_orchestrator.core.errors import InputError

NOW = datetime(2026, 3, 12, 14, 20, tzinfo=UTC)
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
METADATA = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"}
PODS = "/api/v1/pods"


@pytest.fixture
def store() -> Store:
    store = Store(clock=lambda: NOW, server_version="v1.31.2")
    for number in range(5):
        store.apply(
            {
                "kind": "Pod",
                "apiVersion": "v1",
                "metadata": {"name": f"web-{number}", "namespace": "shop", "labels": {"app": "web", "n": str(number)}},
                "spec": {"nodeName": f"node-{number % 2}", "containers": [{"name": "web"}], "hostNetwork": True},
                "status": {"phase": "Running"},
            }
        )
    store.apply({"kind": "Node", "apiVersion": "v1", "metadata": {"name": "node-0"}})
    return store


@pytest.fixture
def client(store: Store) -> Iterator[httpx.Client]:
    with serving(store) as url, httpx.Client(base_url=url) as client:
        yield client


def names(answer: httpx.Response) -> list[str]:
    return [one["metadata"]["name"] for one in answer.json()["items"]]


def refusal(answer: httpx.Response) -> tuple[int, str]:
    status = answer.json()
    assert (status["kind"], status["status"], status["code"]) == ("Status", "Failure", answer.status_code)
    return answer.status_code, status["reason"]


def test_a_list_has_its_kind_and_items_have_none(client: httpx.Client) -> None:
    listed = client.get("/api/v1/namespaces/shop/pods").json()

    assert (listed["kind"], listed["apiVersion"]) == ("PodList", "v1")
    assert "kind" not in listed["items"][0]
    assert listed["metadata"] == {"resourceVersion": "7"}


def test_an_object_has_its_kind(client: httpx.Client) -> None:
    pod = client.get("/api/v1/namespaces/shop/pods/web-1").json()

    assert (pod["kind"], pod["apiVersion"], pod["spec"]["nodeName"]) == ("Pod", "v1", "node-1")


def test_a_namespace_itself_is_an_object_of_the_cluster(client: httpx.Client, store: Store) -> None:
    store.apply({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "shop"}})

    assert client.get("/api/v1/namespaces/shop").json()["kind"] == "Namespace"
    assert names(client.get("/api/v1/namespaces")) == ["shop"]


def test_pages_give_everything_once_under_one_version(client: httpx.Client, store: Store) -> None:
    first = client.get(PODS, params={"limit": 2}).json()
    store.apply({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "aaa", "namespace": "shop"}})
    second = client.get(PODS, params={"limit": 2, "continue": first["metadata"]["continue"]}).json()
    third = client.get(PODS, params={"limit": 2, "continue": second["metadata"]["continue"]}).json()

    pages = (first, second, third)
    assert [one["metadata"]["name"] for page in pages for one in page["items"]] == [f"web-{n}" for n in range(5)]
    assert {page["metadata"]["resourceVersion"] for page in pages} == {"7"}
    assert "continue" not in third["metadata"]


def test_a_page_that_is_exactly_full_is_the_last(client: httpx.Client) -> None:
    assert "continue" not in client.get(PODS, params={"limit": 5}).json()["metadata"]


def test_a_page_whose_list_has_expired_is_gone(client: httpx.Client, store: Store) -> None:
    token = client.get(PODS, params={"limit": 2}).json()["metadata"]["continue"]
    store.apply({"kind": "Node", "apiVersion": "v1", "metadata": {"name": "node-1"}})
    store.expire()

    assert refusal(client.get(PODS, params={"limit": 2, "continue": token})) == (410, "Expired")


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"labelSelector": "n in (1, 2)"}, ["web-1", "web-2"]),
        ({"labelSelector": "app=web,n notin (0,1,2)"}, ["web-3", "web-4"]),
        ({"labelSelector": "n==3"}, ["web-3"]),
        ({"labelSelector": "n!=3,!gone,app"}, ["web-0", "web-1", "web-2", "web-4"]),
        ({"labelSelector": "gone"}, []),
        ({"fieldSelector": "metadata.name=web-2"}, ["web-2"]),
        ({"fieldSelector": "spec.nodeName=node-1"}, ["web-1", "web-3"]),
        ({"fieldSelector": "spec.nodeName!=node-1,metadata.namespace=shop"}, ["web-0", "web-2", "web-4"]),
        ({"fieldSelector": "status.phase=Running,spec.gone=", "labelSelector": "n=4"}, ["web-4"]),
        ({"fieldSelector": "spec.hostNetwork=true", "limit": "1"}, ["web-0"]),
    ],
)
def test_selectors_select(client: httpx.Client, parameters: dict[str, str], expected: list[str]) -> None:
    assert names(client.get(PODS, params=parameters)) == expected


@pytest.mark.parametrize(
    "parameters",
    [
        {"labelSelector": "a b"},
        {"fieldSelector": "nonsense"},
        {"limit": "many"},
        {"limit": "-1"},
        {"continue": "bm90IG91cnM="},
        {"continue": "???"},
        {"watch": "true", "resourceVersion": "abc"},
        {"watch": "true", "labelSelector": "a b"},
    ],
)
def test_options_without_sense_are_bad_requests(client: httpx.Client, parameters: dict[str, str]) -> None:
    assert refusal(client.get(PODS, params=parameters)) == (400, "BadRequest")


def test_a_version_that_is_yet_to_come_is_asked_for_again(client: httpx.Client) -> None:
    answer = client.get(PODS, params={"resourceVersion": "999"})

    assert refusal(answer) == (504, "Timeout")
    assert answer.json()["details"]["retryAfterSeconds"] == 1


def test_only_metadata_are_sent_when_they_are_asked_for(client: httpx.Client) -> None:
    listed = client.get(PODS, headers=METADATA).json()
    one = client.get("/api/v1/namespaces/shop/pods/web-1", headers=METADATA).json()

    assert listed["kind"] == "PartialObjectMetadataList"
    assert set(listed["items"][0]) == {"kind", "apiVersion", "metadata"}
    assert one["kind"] == "PartialObjectMetadata"


@pytest.mark.parametrize(("include", "beside"), [("None", None), ("Metadata", {"kind", "apiVersion", "metadata"})])
def test_a_table_has_what_is_asked_for_beside_its_cells(
    client: httpx.Client, include: str, beside: set[str] | None
) -> None:
    table = client.get(PODS, headers=TABLE, params={"includeObject": include, "limit": 2}).json()

    assert [one["cells"][0] for one in table["rows"]] == ["web-0", "web-1"]
    assert table["metadata"]["continue"]
    row = table["rows"][0]["object"]
    assert (row if row is None else set(row)) == beside


def test_a_table_of_one_object_may_hold_it_whole(client: httpx.Client) -> None:
    path = "/api/v1/namespaces/shop/pods/web-1"

    table = client.get(path, headers=TABLE, params={"includeObject": "Object"}).json()

    assert table["rows"][0]["object"]["spec"]["nodeName"] == "node-1"
    assert table["rows"][0]["object"]["kind"] == "Pod"


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/api/v1/things",
        "/api/v2/pods",
        "/apis/apps",
        "/apis/nothing/v1",
        "/apis/nothing/v1/things",
        "/apis/apps/v9/deployments",
        "/api/v1/namespaces/shop/pods/web-1/status",
        "/api/v1/namespaces/shop/pods/web-1/log/more",
        "/api",
    ],
)
def test_paths_that_are_not_served_are_not_found(client: httpx.Client, path: str) -> None:
    answer = client.get(path)

    if path in ("/api", "/apis/apps"):
        assert answer.status_code == 200
    else:
        assert refusal(answer) == (404, "NotFound")


def test_an_object_that_does_not_exist_is_not_found_by_name(client: httpx.Client) -> None:
    answer = client.get("/apis/apps/v1/namespaces/shop/deployments/web")

    assert refusal(answer) == (404, "NotFound")
    assert answer.json()["message"] == 'deployments.apps "web" not found'


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_writes_are_refused_and_the_connection_goes_on(client: httpx.Client, method: str) -> None:
    answer = client.request(method, "/api/v1/namespaces/shop/pods/web-1", content=b"{}")

    assert refusal(answer) == (405, "MethodNotAllowed")
    assert client.get("/healthz").text == "ok"


def test_a_body_that_is_too_large_is_not_read(client: httpx.Client) -> None:
    answer = client.post(PODS, content=b"x" * (2 << 20))

    assert refusal(answer) == (413, "RequestEntityTooLarge")


@pytest.mark.parametrize("length", [b"-1", b"many"])
def test_a_body_of_no_length_is_refused(client: httpx.Client, length: bytes) -> None:
    url = client.base_url

    with socket.create_connection((url.host, url.port or 0), timeout=10) as raw:
        raw.sendall(b"POST /api/v1/pods HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + length + b"\r\n\r\n")
        answer = raw.makefile("rb").readline()

    assert b"413" in answer


def test_what_may_not_be_read_is_forbidden_with_the_reason(client: httpx.Client, store: Store) -> None:
    store.allows = lambda ask: ask.namespace == "shop"
    store.refusal = "the snapshot holds none"

    everywhere, there = client.get(PODS), client.get("/api/v1/namespaces/shop/pods")
    node = client.get("/api/v1/nodes/node-0")

    assert refusal(everywhere) == (403, "Forbidden")
    assert (
        'cannot list resource "pods" in API group "" at the cluster scope: the snapshot holds none'
        in everywhere.json()["message"]
    )
    assert there.status_code == 200
    assert node.json()["message"].startswith('nodes "node-0" is forbidden')


def test_a_name_of_another_machine_is_refused(client: httpx.Client) -> None:
    assert refusal(client.get("/version", headers={"Host": "evil.example"})) == (403, "Forbidden")
    assert client.get("/version", headers={"Host": "localhost:1"}).status_code == 200
    assert client.get("/version", headers={"Host": "[::1]:1"}).status_code == 200


def test_the_server_describes_itself(client: httpx.Client) -> None:
    assert client.get("/version").json()["gitVersion"] == "v1.31.2"
    assert client.get("/version").json()["minor"] == "31"
    assert "/apis" in client.get("/").json()["paths"]
    assert client.get("/livez/ping").text == "ok"
    assert client.get("/openapi/v2").json()["swagger"] == "2.0"
    assert client.get("/openapi/v3").json() == {"paths": {}}


def test_discovery_lists_groups_versions_and_resources(client: httpx.Client) -> None:
    assert client.get("/api").json()["versions"] == ["v1"]
    groups = {one["name"]: one for one in client.get("/apis").json()["groups"]}
    assert groups["autoscaling"]["preferredVersion"]["version"] == "v2"
    assert client.get("/apis/apps").json()["versions"] == [{"groupVersion": "apps/v1", "version": "v1"}]
    core = {one["name"]: one for one in client.get("/api/v1").json()["resources"]}
    assert core["pods"]["shortNames"] == ["po"]
    assert core["pods/log"]["verbs"] == ["get"]
    reviews = client.get("/apis/authorization.k8s.io/v1").json()["resources"]
    assert {one["name"] for one in reviews} == {"selfsubjectaccessreviews", "selfsubjectrulesreviews"}


@pytest.mark.parametrize("version", ["v2", "v2beta1"])
def test_discovery_may_be_had_at_once(client: httpx.Client, version: str) -> None:
    accept = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList,application/json"

    core, groups = (client.get(path, headers={"Accept": accept}) for path in ("/api", "/apis"))

    assert f"v={version};as=APIGroupDiscoveryList" in core.headers["content-type"]
    [group] = core.json()["items"]
    [pods] = [one for one in group["versions"][0]["resources"] if one["resource"] == "pods"]
    assert pods["subresources"][0]["subresource"] == "log"
    assert pods["responseKind"] == {"group": "", "version": "v1", "kind": "Pod"}
    assert "apps" in {one["metadata"]["name"] for one in groups.json()["items"]}


def test_a_definition_makes_its_resources_discoverable(client: httpx.Client, store: Store) -> None:
    store.apply({"kind": "Widget", "apiVersion": "example.org/v1", "metadata": {"name": "a", "namespace": "shop"}})

    assert names(client.get("/apis/example.org/v1/widgets")) == ["a"]
    assert client.get("/apis/example.org/v1").json()["resources"][0]["kind"] == "Widget"


LOG = "/api/v1/namespaces/shop/pods/web-1/log"
LINES = b"2026-03-12T14:00:00Z one\n  at two\n2026-03-12T14:10:00.5Z three\nfour"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, LINES),
        ({"tailLines": "1"}, b"four"),
        ({"tailLines": "0"}, b""),
        ({"limitBytes": "30"}, LINES[:30]),
        ({"limitBytes": "0"}, b""),
        ({"sinceTime": "2026-03-12T14:05:00Z"}, b"2026-03-12T14:10:00.5Z three\nfour"),
        ({"sinceSeconds": "660"}, b"2026-03-12T14:10:00.5Z three\nfour"),
        (
            {"timestamps": "true", "tailLines": "2"},
            b"2026-03-12T14:10:00.500000000Z 2026-03-12T14:10:00.5Z three\n2026-03-12T14:10:00.500000000Z four",
        ),
    ],
)
def test_a_log_has_the_options_of_a_kubelet(
    client: httpx.Client, store: Store, parameters: dict[str, str], expected: bytes
) -> None:
    store.logs[LogKey(namespace="shop", pod="web-1", container="web")] = WrittenLog(LINES)

    assert client.get(LOG, params=parameters).content == expected


def test_a_line_without_any_time_gets_that_of_the_pod_s_start(client: httpx.Client, store: Store) -> None:
    store.logs[LogKey(namespace="shop", pod="web-1", container="web")] = WrittenLog(b"2026-99-99T00:00:00 odd\n")

    assert client.get(LOG, params={"timestamps": "true"}).text.startswith("1970-01-01T00:00:00.000000000Z ")
    assert client.get(LOG, params={"sinceSeconds": "60"}).text == "2026-99-99T00:00:00 odd\n"


def test_a_log_that_is_followed_goes_on(store: Store) -> None:
    log = WrittenLog(b"one\n")
    store.logs[LogKey(namespace="shop", pod="web-1", container="web")] = log

    asked = {"follow": "true", "tailLines": "1"}
    with serving(store) as url, httpx.stream("GET", f"{url}{LOG}", params=asked) as answer:
        lines = answer.iter_lines()
        first = next(lines)
        log.append(b"two\n")
        second = next(lines)

    assert [first, second] == ["one", "two"]


@pytest.mark.parametrize(
    ("path", "code", "message"),
    [
        (LOG, 400, "the snapshot did not record it"),
        (LOG + "?previous=true", 400, 'previous terminated container "web" in pod "web-1" not found'),
        (LOG + "?container=db", 400, "container db is not valid for pod web-1"),
        (LOG.replace("web-1", "gone"), 404, 'pods "gone" not found'),
        (LOG + "?tailLines=many", 400, "invalid option"),
        ("/api/v1/nodes/node-0/log", 404, "could not find the requested resource"),
    ],
)
def test_a_log_that_is_not_there_says_why(client: httpx.Client, path: str, code: int, message: str) -> None:
    answer = client.get(path)

    assert answer.status_code == code
    assert message in answer.json()["message"]


def test_one_of_several_containers_must_be_named(client: httpx.Client, store: Store) -> None:
    store.apply(
        {
            "kind": "Pod",
            "apiVersion": "v1",
            "metadata": {"name": "web-1", "namespace": "shop"},
            "spec": {"containers": [{"name": "web"}, {"name": "proxy"}]},
        }
    )

    assert "choose one of: [web proxy]" in client.get(LOG).text


def test_every_answer_is_told(store: Store) -> None:
    told: list[tuple[str, str, int]] = []
    with serving(store, on_answer=lambda *answer: told.append(answer)) as url:
        httpx.get(f"{url}{PODS}")
        httpx.delete(f"{url}{PODS}")

    assert told == [("GET", PODS, 200), ("DELETE", PODS, 405)]


def test_a_server_can_listen_on_ipv6(store: Store) -> None:
    with serving(store, host="::1") as url:
        assert url.startswith("http://[::1]:")
        assert httpx.get(f"{url}/healthz").text == "ok"


def test_a_port_that_is_taken_is_an_error(store: Store) -> None:
    with serving(store) as url, pytest.raises(OSError, match="in use"), serving(store, port=httpx.URL(url).port or 0):
        pass


def test_a_path_that_is_no_snapshot_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no snapshot"), serving(tmp_path):
        pass


def test_a_client_that_hangs_up_does_no_harm(client: httpx.Client) -> None:
    url = client.base_url

    with socket.create_connection((url.host, url.port or 0), timeout=10) as raw:
        raw.sendall(b"GET /api/v1/pods HTT")

    assert client.get("/healthz").text == "ok"
