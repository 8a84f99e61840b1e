"""The startup agent on images that cannot be pulled; pods that run are never reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import look
from shop import container, container_status, event, patch, pod, thing, workload

from sre_orchestrator.core.settings import Settings
from sre_orchestrator.plugins.agents.startup import StartupAgent, register_agents
from sre_orchestrator.plugins.agents.startup.images import may_not_exist, parse_image, pull_failure

Json = dict[str, Any]


def waiting(name: str, image: str, *, reason: str = "ImagePullBackOff", message: str = "", **fields: Any) -> Json:
    status = container_status(ready=False, state={"waiting": {"reason": reason, "message": message}})
    inside = [container(image=image)]
    return pod(name, containers=inside, statuses=[status], phase="Pending", ready=False, **fields)


def failed(name: str, image: str, why: str) -> Json:
    return event("Failed", f'Failed to pull image "{image}": {why}', about=("Pod", name))


def peers(*images: str, secret: str = "") -> list[Json]:
    running = [pod(f"peer-{number}", containers=[container(image=image)]) for number, image in enumerate(images)]
    named = {"imagePullSecrets": [{"name": secret}]} if secret else {}
    return [patch(one, spec=named) for one in running]


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        (
            'rpc error: code = NotFound desc = failed to resolve reference "r.example/cart:9": r.example/cart:9: not found',
            "not-found",
        ),
        ("reading manifest 9 in docker.io/shop/cart: manifest unknown", "not-found"),
        (
            "Error response from daemon: manifest for shop/cart:9 not found: manifest unknown: manifest unknown",
            "not-found",
        ),
        ("name unknown: The repository with name 'cart' does not exist in the registry with id '1'", "not-found"),
        (
            "unexpected status from HEAD request to https://mirror.example/v2/shop/cart/manifests/9: 404 Not Found",
            "not-found",
        ),
        ('InvalidImageName Failed to apply default image tag "Shop/Cart": couldn\'t parse image name', "invalid-name"),
        ('couldn\'t parse image reference "cart:1:2": invalid reference format', "invalid-name"),
        ("pull access denied, repository does not exist or may require authorization: insufficient_scope", "denied"),
        ("reading manifest 1 in r.example/shop/cart: denied: requested access to the resource is denied", "denied"),
        ("failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized", "denied"),
        ('Head "https://r.example/v2/cart/manifests/1": no basic auth credentials', "denied"),
        ("unauthorized: incorrect username or password", "denied"),
        ("unexpected status from GET request to https://r.example/token?scope=x: 403 Forbidden", "denied"),
        ('Head "https://r.exmple/v2/": dial tcp: lookup r.exmple on 10.0.0.2:53: no such host', "unresolvable"),
        ("dial tcp: lookup r.example on 10.0.0.2:53: read udp 10.0.0.9:4->10.0.0.2:53: i/o timeout", "unresolvable"),
        ("dial tcp: lookup r.example: Temporary failure in name resolution", "unresolvable"),
        (
            "failed to authorize: failed to fetch anonymous token: dial tcp: lookup auth.example: server misbehaving",
            "unresolvable",
        ),
        ('Head "https://r.example/v2/": dial tcp 192.0.2.7:443: i/o timeout', "timeout"),
        ("net/http: TLS handshake timeout", "timeout"),
        (
            "Get https://r.example/v2/: net/http: request canceled while waiting for connection (Client.Timeout exceeded)",
            "timeout",
        ),
        ("dial tcp 192.0.2.7:443: connect: connection refused", "refused"),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "tls"),
        ("http: server gave HTTP response to HTTPS client", "tls"),
        (
            "429 Too Many Requests - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit",
            "rate-limited",
        ),
        ("unexpected status from HEAD request to https://r.example/v2/: 503 Service Unavailable", "unavailable"),
        ("no matching manifest for linux/arm64/v8 in the manifest list entries", "wrong-platform"),
        ("no image found in manifest list for architecture arm64, variant v8, OS linux", "wrong-platform"),
        ("failed to extract layer sha256:4: write /var/lib/x: no space left on device", "no-space"),
        ('Container image "cart:1" is not present with pull policy of Never', "never-pull"),
        ('short-name "cart:1" did not resolve to an alias', "invalid-name"),
        ('Back-off pulling image "cart:1"', "other"),
    ],
)
def test_each_runtime_s_words_have_a_failure(text: str, failure: str) -> None:
    assert pull_failure(text) == failure


def test_what_an_image_is_called_says_nothing(tmp_path: Path) -> None:
    image = "r.example/unauthorized/x509:404"
    text = f'failed to resolve reference "{image}": Head "https://r.example/v2/unauthorized/x509": connection refused'

    seen = look(StartupAgent(), tmp_path, waiting("cart-1", image), failed("cart-1", image, text))

    assert seen.only("image.pull_failed").attributes["failure"] == "refused"


def test_a_refused_account_is_not_said_of_a_repository_that_does_not_exist() -> None:
    assert may_not_exist("denied: Permission denied on resource (or it may not exist)")
    assert may_not_exist("unexpected status from HEAD request to https://mirror.example/v2/shop/cart: 403 Forbidden")
    assert not may_not_exist("unauthorized: incorrect username or password")


@pytest.mark.parametrize(
    ("text", "repository", "tag"),
    [
        ("redis", "docker.io/library/redis", "latest"),
        ("shop/cart:1.2", "docker.io/shop/cart", "1.2"),
        ("localhost/cart:1", "localhost/cart", "1"),
        ("r.example:5000/a/b/cart@sha256:44", "r.example:5000/a/b/cart", "sha256:44"),
    ],
)
def test_an_image_reference_has_parts(text: str, repository: str, tag: str) -> None:
    image = parse_image(text)

    assert (image.repository, image.tag) == (repository, tag)


def test_a_failed_pull_is_compared_with_what_other_pods_run(tmp_path: Path) -> None:
    image = "r.example/shop/cart:1.33"
    seen = look(
        StartupAgent(),
        tmp_path,
        waiting("cart-1", image, labels={"app": "cart"}),
        failed("cart-1", image, "rpc error: code = NotFound desc = not found"),
        event("Failed", "Error: ImagePullBackOff", about=("Pod", "cart-1"), count=4),
        *peers("r.example/shop/orders:1.3", "r.example/shop/web:1.3", "r.example/tools/agent:2"),
    )

    fact = seen.only("image.pull_failed")

    assert fact.component == "pod/shop/cart-1"
    assert fact.attributes | {"message": ""} == {
        "container": "app",
        "image": image,
        "registry": "r.example",
        "failure": "not-found",
        "ambiguous": False,
        "same_registry": 3,
        "same_path": 2,
        "nearest": "1.3",
        "differs": "tag",
        "message": "",
        "node": "node/node-a",
        "count": 4,
    }
    assert seen.only("pull_secret").attributes == {"declared": 0, "missing": 0, "mistaken": 0, "names": ""}


@pytest.mark.parametrize(
    ("image", "differs", "nearest"),
    [
        ("r.exmple/shop/cart:1", "registry", "r.example"),
        ("r.example/shopp/cart:1", "path", "shop"),
        ("r.example/shop/carts:1", "name", "cart"),
        ("r.example/shop/cart:1", None, None),
    ],
)
def test_the_part_that_is_nearly_what_others_use_is_named(
    tmp_path: Path, image: str, differs: str | None, nearest: str | None
) -> None:
    seen = look(
        StartupAgent(),
        tmp_path,
        waiting("cart-1", image, labels={"app": "cart"}),
        *peers("r.example/shop/orders:1", "r.example/shop/web:1"),
    )

    attributes = seen.only("image.pull_failed").attributes

    assert (attributes.get("differs"), attributes.get("nearest")) == (differs, nearest)


def test_the_revision_before_tells_what_was_meant(tmp_path: Path) -> None:
    owner = ("Deployment", "basket")
    seen = look(
        StartupAgent(),
        tmp_path,
        waiting("basket-b-1", "r.example/shop/checkuot:1", owner=("ReplicaSet", "basket-b")),
        workload("ReplicaSet", "basket-a", containers=[container(image="r.example/shop/checkout:1")], owner=owner),
        workload("ReplicaSet", "basket-b", containers=[container(image="r.example/shop/checkuot:1")], owner=owner),
        workload("ReplicaSet", "web-a", containers=[container(image="r.example/shop/checkuots:1")]),
    )

    assert seen.only("image.pull_failed").attributes["nearest"] == "checkout"


def test_an_absent_pull_secret_is_named_by_the_list_of_secrets(tmp_path: Path) -> None:
    cart = patch(waiting("cart-1", "r.example/cart:1"), spec={"imagePullSecrets": [{"name": "login"}, {"name": "old"}]})

    seen = look(StartupAgent(), tmp_path, cart, thing("Secret", "old"))

    assert seen.only("pull_secret").attributes == {"declared": 2, "missing": 1, "mistaken": 0, "names": "login"}
    assert seen.only("reference.unresolved").attributes["via"] == "imagePullSecrets"


def test_a_secret_that_is_not_for_pulls_is_mistaken(tmp_path: Path) -> None:
    named = [{"name": name} for name in ("opaque", "right", "untyped")]
    cart = patch(waiting("cart-1", "r.example/cart:1"), spec={"imagePullSecrets": named})
    secrets = [
        thing("Secret", "opaque", type="Opaque"),
        thing("Secret", "right", type="kubernetes.io/dockerconfigjson"),
        thing("Secret", "untyped"),
    ]

    seen = look(StartupAgent(), tmp_path, cart, *secrets)

    assert seen.only("pull_secret").attributes == {"declared": 3, "missing": 0, "mistaken": 1, "names": "opaque"}


def test_a_list_that_lacks_the_pull_secret_of_running_pods_is_not_believed(tmp_path: Path) -> None:
    cart = patch(waiting("cart-1", "r.example/cart:1"), spec={"imagePullSecrets": [{"name": "login"}]})

    seen = look(StartupAgent(), tmp_path, cart, *peers("r.example/web:1", secret="login"), kinds=["Secret"])

    assert seen.only("pull_secret").attributes["missing"] == 0


def test_where_secrets_cannot_be_listed_the_kubelet_s_words_count(tmp_path: Path) -> None:
    cart = patch(waiting("cart-1", "r.example/cart:1"), spec={"imagePullSecrets": [{"name": "login"}]})
    told = event("FailedToRetrieveImagePullSecret", "Unable to retrieve some image pull secrets (login)")

    assert look(StartupAgent(), tmp_path / "a", cart, told).only("pull_secret").attributes["missing"] == 1
    assert look(StartupAgent(), tmp_path / "b", cart).only("pull_secret").attributes["missing"] == 0


@pytest.mark.parametrize(
    ("image", "running", "expected"),
    [
        ("r.example/a/cart:1", "r.example/b/web:1", "login"),
        ("a/cart:1", "a/web:1", "login"),
        ("a/cart:1", "b/web:1", None),
    ],
)
def test_a_secret_that_others_name_for_the_same_source_is_named(
    tmp_path: Path, image: str, running: str, expected: str | None
) -> None:
    seen = look(StartupAgent(), tmp_path, waiting("cart-1", image), *peers(running, secret="login"))

    assert seen.only("pull_secret").attributes.get("peers_name") == expected


def test_pods_that_run_are_done_or_crash_for_another_reason_have_no_failed_pull(tmp_path: Path) -> None:
    crash = container_status(ready=False, state={"waiting": {"reason": "CrashLoopBackOff"}})
    words = 'Failed to pull image "r.example/app:1": not found'

    seen = look(
        StartupAgent(),
        tmp_path,
        pod("well-1"),
        event("Failed", words, about=("Pod", "well-1")),
        pod("done-1", phase="Succeeded", ready=False),
        event("Failed", words, about=("Pod", "done-1")),
        pod("crash-1", ready=False, statuses=[crash]),
        event("Failed", words, about=("Pod", "crash-1")),
        patch(waiting("leaving-1", "r.example/app:1"), metadata={"deletionTimestamp": "2030-05-01T11:59:00Z"}),
        pod("new-1", phase="Pending", ready=False),
        event("Pulling", 'Pulling image "r.example/app:1"', about=("Pod", "new-1"), type="Normal"),
        event("Failed", words, about=("Pod", "gone-1")),
        waiting("elsewhere-1", "r.example/app:1", namespace="bank"),
    )

    assert seen.of("image.pull_failed") == []
    assert seen.of("pull_secret") == []


def test_an_event_of_one_container_is_not_told_of_another(tmp_path: Path) -> None:
    inside = [container("app", "r.example/app:1"), container("proxy", "r.example/proxy:1")]
    statuses = [container_status("app", ready=False, state={"waiting": {"reason": "ContainerCreating"}})]
    two = pod("cart-1", containers=inside, statuses=statuses, phase="Pending", ready=False)
    named = failed("cart-1", "r.example/proxy:1", "not found")
    by_path = patch(
        event("InspectFailed", "invalid reference format: image", about=("Pod", "cart-1")),
        involvedObject={"fieldPath": "spec.containers{app}"},
    )

    seen = look(StartupAgent(), tmp_path, two, named, by_path)

    found = {fact.attributes["container"]: fact.attributes["failure"] for fact in seen.of("image.pull_failed")}
    assert found == {"app": "invalid-name", "proxy": "not-found"}


def test_specs_are_covered_without_events_and_failures_only_with_them(tmp_path: Path) -> None:
    without = look(StartupAgent(), tmp_path / "a", pod("web-1"), coverage={"events": "describe only"})
    complete = look(StartupAgent(), tmp_path / "b", pod("web-1"), kinds=["Event"])

    assert ("volume.mounted", "namespace/shop") in without.coverage
    assert ("image.pull_failed", "namespace/shop") not in without.coverage
    assert ("image.pull_failed", "namespace/shop") in complete.coverage


def test_the_agent_is_registered() -> None:
    (agent,) = register_agents(Settings())

    assert agent.name == "startup"
