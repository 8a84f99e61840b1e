"""Each format gives headings, text without markup, code with language and line, links and what it says of itself."""

from __future__ import annotations

import copy
import io
from datetime import date

import documents
import docx
import extras
import pytest
from docx.opc.constants import RELATIONSHIP_TYPE as RT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn

from sre_orchestrator.core.knowledge import Document, Fence, Front, Link
from sre_orchestrator.plugins.knowledge.formats import format_of, read_document
from sre_orchestrator.plugins.knowledge.formats.reading import Bounds, UnreadableError

MARKDOWN = """---
title: Cart
Owner: team-cart
service: [cart, checkout]
alertname: CartErrorsHigh, CartSlow
causes: [database-down]
last-reviewed: 2026-02-01
colour: blue
---
Before *any* heading.

# Cart `answers` 500 #

Look at [the board](https://boards.example.org/cart), then **act**:

1. first
2. second
   - nested

<details><summary>More</summary><script>alert(1)</script>told</details>
{{< hint info >}}

| sign | what |
|------|------|
| 500  | down |

## Mitigation

```shell
$ kubectl rollout undo deploy/cart
```

    indented code

~~~ {.promql}
up == 0
~~~

### Empty

## Last
"""


def read(text: str | bytes, name: str) -> Document:
    return read_document(text.encode() if isinstance(text, str) else text, f"/books/{name}").document


def shape(document: Document) -> list[tuple[tuple[str, ...], str]]:
    return [(passage.headings, passage.text) for passage in document.passages]


def test_markdown_gives_its_sections_without_markup() -> None:
    document = read(MARKDOWN, "cart.md")

    assert (document.format, document.title, len(document.digest)) == ("markdown", "Cart", 64)
    assert shape(document) == [
        ((), "Before any heading."),
        (
            ("Cart answers 500",),
            "Look at the board, then act:\n1. first\n2. second\n- nested\nMore told\nsign | what\n500 | down",
        ),
        (("Cart answers 500", "Mitigation"), ""),
        (("Cart answers 500", "Mitigation", "Empty"), ""),
        (("Cart answers 500", "Last"), ""),
    ]
    assert [passage.line for passage in document.passages] == [10, 12, 27, 39, 41]


def test_markdown_gives_its_code_and_links() -> None:
    passages = read(MARKDOWN, "cart.md").passages

    assert passages[2].fences == (
        Fence(language="shell", text="$ kubectl rollout undo deploy/cart\n", line=30),
        Fence(language="", text="indented code\n", line=33),
        Fence(language="promql", text="up == 0\n", line=36),
    )
    assert passages[1].links == (Link(text="the board", address="https://boards.example.org/cart"),)


def test_front_matter_is_read_under_the_names_that_people_use() -> None:
    assert read(MARKDOWN, "cart.md").front == Front(
        title="Cart",
        owner="team-cart",
        services=("cart", "checkout"),
        alerts=("CartErrorsHigh", "CartSlow"),
        causes=("database-down",),
        reviewed=date(2026, 2, 1),
    )


def test_front_matter_may_be_toml() -> None:
    front = read(
        '+++\ntitle = "Cart"\nalerts = ["CartSlow"]\nreviewed = 2026-02-01T10:00:00Z\n+++\nText.\n', "c.md"
    ).front

    assert front == Front(title="Cart", alerts=("CartSlow",), reviewed=date(2026, 2, 1))


@pytest.mark.parametrize(
    ("matter", "note"),
    [
        ("---\ntitle: [\n---\n# Cart\n", "/books/c.md:3: its front matter is left out: not YAML: "),
        ("+++\ntitle = \n+++\n# Cart\n", "/books/c.md:1: its front matter is left out: not TOML: "),
        (
            "---\nreviewed: soon\n---\n# Cart\n",
            "/books/c.md: the day of its last review 'soon' is no date; write 2026-01-31",
        ),
    ],
    ids=["yaml", "toml", "date"],
)
def test_front_matter_that_cannot_be_used_is_told_and_the_rest_is_read(matter: str, note: str) -> None:
    read = read_document(matter.encode(), "/books/c.md")

    assert read.document.title == "Cart"
    assert read.notes[0].startswith(note)


@pytest.mark.parametrize("matter", ["---\n- a\n- b\n---\n# Cart\n", "---\n---\n# Cart\n"], ids=["list", "empty"])
def test_front_matter_without_fields_says_nothing(matter: str) -> None:
    assert read(matter, "c.md").front == Front()


RESTRUCTURED = """:owner: team-cart
:alerts: CartSlow
:author: Ada

Cart answers 500
================

Look at `the board <https://boards.example.org/cart>`_ first.

* one
* two

Mitigation
----------

.. code-block:: shell

   kubectl rollout undo deploy/cart

+-----+------+
| 500 | down |
+-----+------+

.. raw:: html

   <script>alert(1)</script>

.. a comment
"""


def test_restructured_text_gives_its_sections_code_and_links() -> None:
    document = read(RESTRUCTURED, "cart.rst")
    (passage, below) = (one for one in document.passages if one.headings)

    assert (passage.headings, passage.text) == (("Cart answers 500",), "Look at the board first.\n- one\n- two")
    assert passage.links == (Link(text="the board", address="https://boards.example.org/cart"),)
    assert (below.headings[-1], below.text) == ("Mitigation", "500 | down")
    assert [(fence.language, fence.text) for fence in below.fences] == [("shell", "kubectl rollout undo deploy/cart")]
    assert "alert(1)" not in str(document)
    assert (document.title, document.front.alerts) == ("Cart answers 500", ("CartSlow",))
    assert document.front.owner == "Ada, team-cart"


HTML = """<!doctype html><html><head><title>Wiki: cart</title><meta name="owner" content="team-cart">
<meta name="alerts" content="CartSlow"><style>p {color: red}</style><script>steal()</script></head>
<body onload="steal()"><nav><a href="/">Home</a></nav>
<h1>Cart <em>answers</em> 500</h1>
<p>Look at <a href="https://boards.example.org/cart">the board</a>,<br>then <b onclick="steal()">act</b>.</p>
<p><a href="javascript:steal()">click</a></p>
<ul><li>one</li><li>two</li></ul>
<h2>Mitigation</h2><noscript>no</noscript><!-- hidden -->
<pre><code class="language-shell">kubectl rollout undo deploy/cart
</code></pre>
<pre class="brush: yaml">a: 1</pre>
<table><tr><th>sign</th><th>what</th></tr><tr><td>500</td><td>down</td></tr></table>
<script>steal()</script></body></html>
"""


def test_html_gives_its_sections_without_scripts() -> None:
    document = read(HTML, "cart.html")

    assert shape(document) == [
        (("Cart answers 500",), "Look at the board,\nthen act.\nclick\n- one\n- two"),
        (("Cart answers 500", "Mitigation"), "sign | what\n500 | down"),
    ]
    assert [(fence.language, fence.text) for fence in document.passages[1].fences] == [
        ("shell", "kubectl rollout undo deploy/cart\n"),
        ("yaml", "a: 1"),
    ]
    assert document.passages[0].links == (Link(text="the board", address="https://boards.example.org/cart"),)
    assert (document.front.owner, document.front.alerts) == ("team-cart", ("CartSlow",))
    assert "steal" not in str(document)


def test_html_without_headings_is_called_as_its_head_says() -> None:
    assert read("<title>Wiki</title><p>Text</p>", "a.htm").title == "Wiki"


def test_html_may_name_its_encoding() -> None:
    assert read('<meta charset="iso-8859-1"><p>Größe</p>'.encode("latin-1"), "a.html").passages[0].text == "Größe"
    assert read('<meta charset="klingon"><p>Größe</p>', "a.html").passages[0].text == "Größe"


def test_xhtml_is_read_as_html() -> None:
    assert read('<?xml version="1.0"?><html><body><p>Text</p></body></html>', "a.xhtml").passages[0].text == "Text"


def test_pdf_gives_its_pages_under_their_bookmarks() -> None:
    content = documents.pdf(
        ["Look first", "Then act", "At last"],
        bookmarks={"Cart answers 500": 0, "Mitigation": 1},
        about={"Title": "Cart"},
    )
    document = read(content, "cart.pdf")

    assert document.title == "Cart"
    assert shape(document) == [
        (("Cart answers 500",), "Look first"),
        (("Cart answers 500", "Mitigation"), "Then act\nAt last"),
    ]


def test_pdf_without_bookmarks_gives_its_pages() -> None:
    document = read(documents.pdf(["Look first", "Then act"]), "cart.pdf")

    assert document.title == "cart"
    assert shape(document) == [(("Page 1",), "Look first"), (("Page 2",), "Then act")]


def test_docx_gives_its_sections_tables_code_and_links() -> None:
    extras.need("docx", "documents")
    made = docx.Document()
    made.core_properties.author = "team-cart"
    made.add_heading("Cart", 0)
    made.add_paragraph("Look first.")
    made.add_heading("Mitigation", 1)
    made.add_paragraph("undo", style="List Bullet")
    made.styles.add_style("Source Code", 1)
    made.add_paragraph("kubectl get pods", style="Source Code")
    made.add_paragraph("kubectl get nodes", style="Source Code")
    table = made.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "500", "down"
    written = io.BytesIO()
    made.save(written)

    document = read(written.getvalue(), "cart.docx")

    assert shape(document) == [(("Cart",), "Look first."), (("Cart", "Mitigation"), "- undo\n500 | down")]
    assert document.passages[1].fences == (Fence(text="kubectl get pods\nkubectl get nodes"),)
    assert (document.title, document.front.owner) == ("Cart", "team-cart")


def test_docx_of_other_programs_has_links_and_may_say_nothing() -> None:
    extras.need("docx", "documents")
    made = docx.Document()
    paragraph = made.add_paragraph("See ")
    about = made.part.relate_to("https://boards.example.org/cart", RT.HYPERLINK, is_external=True)
    link = OxmlElement("w:hyperlink")
    link.set(qn("r:id"), about)
    link.append(copy.deepcopy(paragraph.runs[0]._element))
    paragraph._p.append(link)
    written, empty = io.BytesIO(), io.BytesIO()
    made.save(written)
    docx.Document().save(empty)

    assert read(written.getvalue(), "a.docx").passages[0].links == (
        Link(text="See", address="https://boards.example.org/cart"),
    )
    with pytest.raises(UnreadableError, match="holds no text"):
        read(empty.getvalue(), "a.docx")


def test_plain_text_gives_its_paragraphs() -> None:
    document = read("Cart answers 500\n\nLook first.\nThen act.\n", "cart.txt")

    assert document.title == "Cart answers 500"
    assert shape(document) == [((), "Cart answers 500\nLook first.\nThen act.")]


def test_a_document_without_a_title_is_called_like_its_file() -> None:
    assert read("---\nowner: a\n---\n", "CartSlow.md").title == "CartSlow"
    assert shape(read("---\nowner: a\n---\n", "CartSlow.md")) == [(("CartSlow",), "")]


def test_a_long_section_is_cut_into_passages() -> None:
    paragraphs = "\n\n".join(f"Paragraph {number}. " + "word " * 100 for number in range(10))
    document = read(f"# Long\n\n{paragraphs}\n\n{'x' * 4000}\n", "long.md")

    assert {passage.headings for passage in document.passages} == {("Long",)}
    assert all(len(passage.text) <= 1510 for passage in document.passages)
    assert [passage.line for passage in document.passages][:3] == [1, 7, 11]


def test_secrets_are_masked_but_not_in_our_blocks() -> None:
    text = "# Cart\n\nUse password=hunter22 here.\n\n```sh\nexport TOKEN=abcdef123456\n```\n\n```rule\ntoken: abcdef123456\n```\n"
    passage = read(text, "cart.md").passages[0]

    assert passage.text == "Use password=*** here."
    assert [fence.text for fence in passage.fences] == ["export TOKEN=***\n", "token: abcdef123456\n"]


@pytest.mark.parametrize(
    ("address", "media_type", "expected"),
    [
        ("/a/b.MD", "", "markdown"),
        ("https://x.example.org/a.rst?x=1#y", "", "restructuredtext"),
        ("https://x.example.org/cart", "text/html; charset=utf-8", "html"),
        ("https://x.example.org/cart.md", "text/plain", "markdown"),
        ("https://x.example.org/cart", "text/plain", "text"),
        ("https://x.example.org/cart", "image/png", None),
        ("/a/b", "", None),
    ],
)
def test_a_format_is_told_by_media_type_or_name(address: str, media_type: str, expected: str | None) -> None:
    assert format_of(address, media_type) == expected


def test_a_pdf_under_another_name_is_read_as_pdf() -> None:
    assert read(documents.pdf(["Look first"]), "cart.txt").format == "pdf"


def test_of_a_long_pdf_the_first_pages_are_read_and_the_rest_is_told() -> None:
    content = documents.pdf([f"Page about {number}" for number in range(500)])
    read = read_document(content, "/books/handbook.pdf", bounds=Bounds(pages=300))

    assert len(read.document.passages) == 300
    assert read.notes == (
        "/books/handbook.pdf: has 500 pages, of which the first 300 were read (knowledge.pages); split it, or raise that",
    )
