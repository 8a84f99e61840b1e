"""Mesh sidecars: which pods ask for one and which have it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import Seen, look
from shop import container, patch, pod, thing

from sre_orchestrator.plugins.agents.network import NetworkAgent


def network(folder: Path, space: dict[str, Any], *pods: dict[str, Any]) -> dict[str, tuple[object, object]]:
    seen: Seen = look(NetworkAgent(), folder, space, *pods)
    return {
        one.component.rpartition("/")[2]: (one.attributes["wanted"], one.attributes["injected"])
        for one in seen.of("mesh.sidecar")
    }


def space(**labels: str) -> dict[str, Any]:
    return thing("Namespace", "shop", namespace="", labels=labels)


def with_proxy(name: str, proxy: str = "istio-proxy") -> dict[str, Any]:
    return pod(name, containers=[container(), container(proxy)])


@pytest.mark.parametrize("labels", [{"istio-injection": "enabled"}, {"istio.io/rev": "stable"}])
def test_a_namespace_that_asks_for_injection(tmp_path: Path, labels: dict[str, str]) -> None:
    native = pod("native", spec={"initContainers": [container("istio-proxy", restartPolicy="Always")]})
    refusing = patch(pod("refusing"), metadata={"labels": {"sidecar.istio.io/inject": "false"}})
    on_host = pod("on-host", spec={"hostNetwork": True})

    assert network(tmp_path, space(**labels), with_proxy("cart"), pod("web"), native, refusing, on_host) == {
        "cart": (True, True),
        "web": (True, False),
        "native": (True, True),
        "refusing": (False, False),
        "on-host": (False, False),
    }


def test_an_annotation_asks_too(tmp_path: Path) -> None:
    asking = patch(space(), metadata={"annotations": {"linkerd.io/inject": "enabled"}})

    assert network(tmp_path, asking, pod("web")) == {"web": (True, False)}


def test_a_pod_that_asks_for_itself(tmp_path: Path) -> None:
    asking = patch(pod("web"), metadata={"annotations": {"linkerd.io/inject": "enabled"}})

    assert network(tmp_path, space(), with_proxy("cart", "linkerd-proxy"), asking) == {
        "cart": (False, True),
        "web": (True, False),
    }


def test_without_a_mesh_nothing_is_told(tmp_path: Path) -> None:
    assert network(tmp_path, space(team="shop"), pod("web")) == {}
