"""Names are the same however they are spelled, and plain words name nothing."""

from __future__ import annotations

import pytest

from sre_orchestrator.core.knowledge import Document, Front, Passage
from sre_orchestrator.plugins.knowledge.names import Name, key_of, keys_in, names_of, stem_of


@pytest.mark.parametrize("name", ["KubePodNotReady", "Kube Pod Not Ready", "kube-pod-not-ready", "kube_pod_not_ready"])
def test_spellings_have_one_key(name: str) -> None:
    assert key_of(name) == "kubepodnotready"


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("node", ["node"]),
        ("the node is slow", ["thenodeisslow"]),
        ("KubePodNotReady fires", ["kubepodnotreadyfires", "kubepodnotready"]),
        ("x" * 101 + " etcdNoLeader and kube-proxy", ["etcdnoleader", "kubeproxy"]),
        ("?!", []),
    ],
)
def test_a_text_may_name_as_a_whole_and_by_its_identifiers(text: str, keys: list[str]) -> None:
    assert list(keys_in(text)) == keys


@pytest.mark.parametrize(
    ("address", "stem"),
    [
        ("/books/CartSlow.md", "CartSlow"),
        ("/books/cart/README.md", "cart"),
        ("https://wiki.example.org/Cart%20slow.html?x=1", "Cart slow"),
        ("https://wiki.example.org/cart/index.html", "cart"),
    ],
)
def test_a_file_or_page_is_called_by_its_last_part(address: str, stem: str) -> None:
    assert stem_of(address) == stem


def test_a_document_has_its_names_once() -> None:
    front = Front(alerts=("CartSlow",), services=("cart",), causes=("database-down",))
    passage = Passage(headings=("CartSlow", "Impact"), text="")
    document = Document(
        address="/b/CartSlow.md", title="CartSlow", format="markdown", digest="", front=front, passages=(passage,)
    )

    assert names_of(document) == (
        Name(kind="alert", text="CartSlow"),
        Name(kind="cause", text="database-down"),
        Name(kind="component", text="cart"),
    )
