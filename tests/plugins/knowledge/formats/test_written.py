"""What is kept of an upload as Markdown says the same as the upload."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sre_orchestrator.core.knowledge import Document, Fence, Front, Link, Passage
from sre_orchestrator.plugins.knowledge.formats import read_document
from sre_orchestrator.plugins.knowledge.formats.written import as_markdown

PASSAGES = (
    Passage(text="Before any heading.", line=1),
    Passage(headings=("Cart",), text="- one\n- two\nUse <cart> and *stars* and a_b_c and [x] and \\."),
    Passage(
        headings=("Cart", "Undo"), text="# no heading\n> no quote", fences=(Fence(language="sh", text="a ``` b\n"),)
    ),
    Passage(headings=("Queue",), text="", links=(Link(text="board", address="https://b.example.org/x"),)),
)


def again(document: Document) -> Document:
    return read_document(as_markdown(document).encode(), document.address, format="markdown").document


def test_a_document_is_read_again_as_it_was() -> None:
    front = Front(title="Cart: 500", owner="team", alerts=("CartSlow",))
    document = Document(address="a", title="Cart: 500", format="html", digest="", front=front, passages=PASSAGES)
    read = again(document)

    assert (read.title, read.front) == (document.title, front)
    assert [one.headings for one in read.passages] == [one.headings for one in PASSAGES]
    assert [one.text for one in read.passages[:3]] == [one.text for one in PASSAGES[:3]]
    assert [fence.text for fence in read.passages[2].fences] == ["a ``` b\n"]
    assert read.passages[3].links == PASSAGES[3].links


def test_a_link_that_is_no_address_is_left_out() -> None:
    passage = Passage(headings=("A",), text="text", links=(Link(text="x", address="<no>"),))

    assert (
        as_markdown(Document(address="a", title="A", format="html", digest="", passages=(passage,))) == "# A\n\ntext\n"
    )


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.sampled_from("ab #`*_<>[]\\|-=~+1.&;!\n"), max_size=30), min_size=1, max_size=4))
def test_whatever_is_written_can_be_read(texts: list[str]) -> None:
    passages = tuple(Passage(headings=("A",), text=text) for text in texts)
    read = again(Document(address="a", title="A", format="html", digest="", passages=passages))

    assert all(one.headings[0] == "A" for one in read.passages)
