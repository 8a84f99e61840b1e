"""Component ids: ``kind/namespace/name``, or ``kind/name`` for what has no namespace."""

from __future__ import annotations


def component_id(kind: str, namespace: str | None, name: str) -> str:
    """Return the id of a component; ``kind`` is the singular Kubernetes kind in any case.

    >>> component_id("Pod", "shop", "web-1"), component_id("Node", None, "worker-1")
    ('pod/shop/web-1', 'node/worker-1')
    """
    kind = kind.lower()
    return f"{kind}/{namespace}/{name}" if namespace else f"{kind}/{name}"


def kind_of(component: str) -> str:
    """Return the kind part.

    >>> kind_of("pod/shop/web-1")
    'pod'
    """
    return component.partition("/")[0]


def name_of(component: str) -> str:
    """Return the name part.

    >>> name_of("pod/shop/web-1"), name_of("node/worker-1")
    ('web-1', 'worker-1')
    """
    return component.split("/", 2)[-1]


def namespace_of(component: str) -> str:
    """Return the namespace that a component lives in (a namespace lives in itself), or ``""``.

    >>> namespace_of("pod/shop/web-1"), namespace_of("namespace/shop"), namespace_of("node/worker-1")
    ('shop', 'shop', '')
    """
    kind, _, rest = component.partition("/")
    namespace, slash, _ = rest.partition("/")
    return namespace if slash or kind == "namespace" else ""
