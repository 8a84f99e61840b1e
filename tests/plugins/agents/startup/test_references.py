"""The startup agent on Secrets and ConfigMaps that pods name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from looking import Seen, look
from shop import container, container_status, event, patch, pod, thing

from sre_orchestrator.plugins.agents.startup import StartupAgent

Json = dict[str, Any]
WAITS = container_status(ready=False, state={"waiting": {"reason": "CreateContainerConfigError"}})


def cart(inside: Json | None = None, volumes: list[Json] | None = None, **fields: Any) -> Json:
    one = pod("cart-1", containers=[inside or container()], statuses=[WAITS], phase="Pending", ready=False, **fields)
    return patch(one, spec={"volumes": volumes or []})


def named(seen: Seen) -> set[tuple[object, ...]]:
    wanted = ("target_kind", "name", "key", "via", "container", "optional", "nearest")
    return {tuple(fact.attributes.get(key) for key in wanted) for fact in seen.of("reference.unresolved")}


def from_key(kind: str, name: str, key: str, **more: Any) -> Json:
    return {"name": key.upper(), "valueFrom": {f"{kind}KeyRef": {"name": name, "key": key, **more}}}


def test_absent_objects_and_absent_keys_are_named_and_present_ones_are_not(tmp_path: Path) -> None:
    env = [
        from_key("secret", "login", "user"),
        from_key("secret", "login", "pasword"),
        from_key("secret", "absent", "user"),
        from_key("configMap", "settings", "mode"),
        from_key("configMap", "setings", "mode"),
        from_key("configMap", "extra", "mode", optional=True),
        {"name": "PLAIN", "value": "1"},
    ]
    whole = [
        {"configMapRef": {"name": "settings"}},
        {"secretRef": {"name": "tokens"}},
        {"configMapRef": {"name": "flags"}},
    ]

    seen = look(
        StartupAgent(),
        tmp_path,
        cart(container(env=env, envFrom=whole)),
        thing("Secret", "login", data={"user": "eA==", "password": "eA=="}),
        thing("ConfigMap", "settings", data={"mode": "a"}, binaryData={"logo": "eA=="}),
    )

    assert named(seen) == {
        ("secret", "login", "pasword", "env", "app", False, "password"),
        ("secret", "absent", None, "env", "app", False, None),
        ("configmap", "setings", None, "env", "app", False, "settings"),
        ("configmap", "extra", None, "env", "app", True, None),
        ("secret", "tokens", None, "envFrom", "app", False, None),
        ("configmap", "flags", None, "envFrom", "app", False, None),
    }


def test_volumes_name_objects_and_items(tmp_path: Path) -> None:
    volumes = [
        {"name": "a", "secret": {"secretName": "tls", "items": [{"key": "tls.crt"}, {"key": "tls.key"}]}},
        {"name": "b", "configMap": {"name": "absent", "items": [{"key": "x"}]}},
        {
            "name": "c",
            "projected": {"sources": [{"configMap": {"name": "kube-root-ca.crt"}}, {"secret": {"name": "none"}}]},
        },
        {"name": "d", "secret": {"secretName": "maybe", "optional": True}},
        {"name": "e", "emptyDir": {}},
    ]

    seen = look(
        StartupAgent(),
        tmp_path,
        cart(volumes=volumes),
        thing("Secret", "tls", data={"tls.crt": "eA=="}),
        kinds=["ConfigMap"],
    )

    assert named(seen) == {
        ("secret", "tls", "tls.key", "volume", None, False, None),
        ("configmap", "absent", None, "volume", None, False, None),
        ("secret", "none", None, "volume", None, False, None),
        ("secret", "maybe", None, "volume", None, True, None),
    }


def test_where_nothing_can_be_listed_the_kubelet_s_words_count(tmp_path: Path) -> None:
    env = [from_key("secret", "login", "user"), from_key("configMap", "settings", "mode")]
    words = [
        event("Failed", 'Error: secret "login" not found'),
        event("Failed", "Error: couldn't find key mode in ConfigMap shop/settings", last="2030-05-01T11:00:00Z"),
        event("FailedMount", 'MountVolume.SetUp failed for volume "tls" : secret "cart-tls" not found'),
    ]
    words = [patch(one, metadata={"name": f"event-{number}"}) for number, one in enumerate(words)]

    seen = look(StartupAgent(), tmp_path, cart(container(env=env)), *words)

    assert named(seen) == {
        ("secret", "login", None, "env", "app", False, None),
        ("configmap", "settings", "mode", "env", "app", False, None),
        ("secret", "cart-tls", None, "volume", None, False, None),
    }


def test_words_about_what_exists_by_now_and_pods_that_are_ready_are_left_out(tmp_path: Path) -> None:
    env = [from_key("secret", "login", "user")]
    ready = pod("web-1", containers=[container(env=[from_key("secret", "absent", "user", optional=True)])])

    seen = look(
        StartupAgent(),
        tmp_path,
        cart(container(env=env)),
        event("Failed", 'Error: secret "login" not found'),
        ready,
        thing("Secret", "login", data={"user": "eA=="}),
        thing("Secret", "login", namespace="bank"),
        kinds=["ConfigMap"],
    )

    assert named(seen) == set()


def test_a_list_that_lacks_what_a_ready_pod_was_given_is_not_believed(tmp_path: Path) -> None:
    ready = pod("web-1", containers=[container(env=[from_key("secret", "web", "user")])])
    inside = container(env=[from_key("secret", "login", "user"), from_key("configMap", "settings", "mode")])

    silent = look(StartupAgent(), tmp_path / "a", cart(inside), ready, kinds=["Secret", "ConfigMap"])
    told = look(
        StartupAgent(),
        tmp_path / "b",
        cart(inside),
        ready,
        event("Failed", 'Error: secret "login" not found'),
        kinds=["Secret", "ConfigMap"],
    )

    assert {name for _, name, *_ in named(silent)} == {"settings"}
    assert {name for _, name, *_ in named(told)} == {"settings", "login"}
