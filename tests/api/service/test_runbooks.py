"""Runbooks: documents that teams keep for incidents."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import documents
import msgspec
import pytest
from httpx import Response
from investigation import NOW
from postgres import fresh_database
from secured import Client, Secured, asking

from sre_orchestrator.api.service.models import RunbookQuery
from sre_orchestrator.api.service.remarks import LONGEST, MOST, bounded
from sre_orchestrator.api.service.rest.described import described
from sre_orchestrator.api.service.runbooks import runbook_of, title_of
from sre_orchestrator.api.service.store import Database, open_database
from sre_orchestrator.core.settings import KnowledgeSettings
from sre_orchestrator.plugins.knowledge.formats import MEDIA_TYPES

RUNBOOKS = "/api/v1/runbooks"
TEXT = "# Checkout answers 500\n\nLook at *pricing* first: its memory limit is low.\n"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Secured:
    return Secured(tmp_path_factory.mktemp("state"), most_runbooks=12)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(fresh_database() if request.param == "postgresql" else "", tmp_path)) as opened:
        yield opened


@pytest.fixture
def admin(secured: Secured, client: Client) -> Iterator[dict[str, str]]:
    key = secured.key("root", "admin")
    yield key
    for one in client.get(RUNBOOKS, params={"limit": 200}, headers=key).json()["items"]:
        client.delete(f"{RUNBOOKS}/{one['id']}", headers=key)


def kept(client: Client, key: dict[str, str], text: str = TEXT, kind: str = "text/markdown", **named: str) -> Response:
    """Send a runbook."""
    headers = {**key, "Content-Type": kind}
    return client.post(RUNBOOKS, content=text.encode(), params=named, headers=headers)


def names(client: Client, key: dict[str, str], **asked: str | int) -> list[str]:
    """Return the names of the runbooks that a list shows."""
    return [one["name"] for one in client.get(RUNBOOKS, params=asked, headers=key).json()["items"]]


def test_a_runbook_is_kept_and_read_again(client: Client, admin: dict[str, str]) -> None:
    answer = kept(client, admin, name="checkout")
    read = client.get(answer.headers["Location"], headers=admin)

    assert (answer.status_code, read.json()) == (201, answer.json())
    assert (read.json()["name"], read.json()["title"], read.json()["text"]) == (
        "checkout", "Checkout answers 500", TEXT,
    )  # fmt: skip
    assert (read.json()["author"], read.json()["bytes"]) == ("key:root", len(TEXT))


def test_the_same_upload_changes_nothing_and_another_of_that_name_replaces_it(
    client: Client, admin: dict[str, str]
) -> None:
    first, same = (kept(client, admin, name="checkout") for _ in range(2))
    other = kept(client, admin, TEXT + "Then ask the team.\n", name="checkout")

    assert [one.status_code for one in (first, same, other)] == [201, 200, 200]
    assert same.json() == first.json()
    assert other.json()["created_at"] == first.json()["created_at"]
    assert other.json()["id"] == first.json()["id"]
    assert other.json()["digest"] != first.json()["digest"]
    assert names(client, admin) == ["checkout"]


def test_a_text_that_is_known_is_not_sent_again(client: Client, admin: dict[str, str]) -> None:
    answer = kept(client, admin)
    where, tag = answer.headers["Location"], answer.headers["ETag"]

    told = [client.get(where, headers=admin | {"If-None-Match": one}) for one in (tag, f'"x", W/{tag}', "*", '"x"')]

    assert [one.status_code for one in told] == [304, 304, 304, 200]
    assert told[0].content == b""


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ('---\nowner: shop\ntitle: "From the front"\n---\n# Heading\n', "From the front"),
        ("---\nowner: shop\n---\nwords\n\n## Second level ##\n", "Second level"),
        ("---\ntitle:   \n---\n# Heading\n", "Heading"),
        ("---\ntitle: As YAML says it # not this\n...\n# Heading\n", "As YAML says it"),
        ("+++\ntitle = 'In TOML'\n+++\n# Heading\n", "In TOML"),
        ("\n\nOnly words\n", "Only words"),
        ("---\nnever closed\n", "---"),
    ],
)
def test_a_title_is_in_the_front_matter_or_the_first_heading(text: str, title: str) -> None:
    assert title_of(text, "text/markdown") == title


def test_plain_text_has_no_headings() -> None:
    assert title_of("# no heading\nbut a line", "text/plain") == "# no heading"
    assert title_of("", "text/plain") == "untitled"


def test_runbooks_are_listed_page_by_page(client: Client, admin: dict[str, str]) -> None:
    for name in ("c", "a", "b"):
        kept(client, admin, name=name)

    first = client.get(RUNBOOKS, params={"limit": 2}, headers=admin).json()
    last = client.get(RUNBOOKS, params={"limit": 2, "cursor": first["next_cursor"]}, headers=admin).json()

    assert [[one["name"] for one in page["items"]] for page in (first, last)] == [["a", "b"], ["c"]]
    assert last["next_cursor"] == ""
    assert "text" not in first["items"][0]


def test_a_search_finds_what_fits_best_first(client: Client, admin: dict[str, str]) -> None:
    kept(client, admin, name="checkout")
    kept(client, admin, "# DNS\n\nLook at coredns. Its memory may be full.\n", name="dns")

    found = client.get(RUNBOOKS, params={"text": "MEMORY pricing"}, headers=admin).json()["items"]

    assert [(one["name"], one["excerpt"]) for one in found] == [
        ("checkout", "Look at pricing first: its memory limit is low."),
        ("dns", "Look at coredns. Its memory may be full."),
    ]
    assert "text" not in found[0]
    assert names(client, admin, text="zeppelin") == []
    assert names(client, admin, text="memory pricing", limit=1) == ["checkout"]


def test_a_search_follows_what_is_kept_and_removed(client: Client, admin: dict[str, str]) -> None:
    where = kept(client, admin, "---\nalerts: [CartSlow]\n---\n# Cart\n\nZebras stand here.\n").headers["Location"]
    before = names(client, admin, text="CartSlow")
    kept(client, admin, "# Cart\n\nGiraffes stand here.\n")
    replaced = [names(client, admin, text=one) for one in ("zebras", "giraffes")]
    client.delete(where, headers=admin)

    assert (before, replaced, names(client, admin, text="giraffes")) == (["Cart"], [[], ["Cart"]], [])


@pytest.mark.parametrize(
    ("content", "kind", "text"),
    [
        (b"<h1>Cart</h1><script>steal()</script><p>Undo <b>it</b>.</p>", "text/html", "# Cart\n\nUndo it.\n"),
        (b"Cart\n====\n\n::\n\n   kubectl get pods\n", "text/x-rst", "# Cart\n\n```\nkubectl get pods\n```\n"),
        (
            documents.pdf(["Undo it"], about={"Title": "Cart"}),
            "application/pdf",
            '---\ntitle: "Cart"\n---\n\n# Page 1\n\nUndo it\n',
        ),
    ],
    ids=["html", "restructured", "pdf"],
)
def test_other_formats_are_kept_as_what_they_say(
    client: Client, admin: dict[str, str], content: bytes, kind: str, text: str
) -> None:
    answer = client.post(RUNBOOKS, content=content, headers=admin | {"Content-Type": kind})
    read = client.get(answer.headers["Location"], headers=admin).json()

    assert (answer.status_code, read["title"], read["media_type"], read["text"]) == (201, "Cart", "text/markdown", text)
    assert names(client, admin, text="cart") == ["Cart"]


def test_an_upload_that_cannot_be_read_says_what_to_do(client: Client, admin: dict[str, str]) -> None:
    answer = client.post(RUNBOOKS, content=b"%PDF-1.7 cut off", headers=admin | {"Content-Type": "application/pdf"})

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("the runbook: is ")


@pytest.mark.parametrize(
    ("text", "kind", "status", "says"),
    [
        ("x", "application/pdf", 422, "is a damaged PDF"),
        ("x", "application/x-www-form-urlencoded", 415, "text/markdown, text/x-rst"),
        (" \n", "text/plain", 422, "the runbook is empty"),
        ("a\x00b", "text/plain", 422, "NUL"),
        ("x" * 1001, "text/plain", 413, "service.runbook_bytes"),
    ],
)
def test_what_is_no_runbook_is_refused(
    client: Client, admin: dict[str, str], text: str, kind: str, status: int, says: str
) -> None:
    answer = kept(client, admin, text, kind)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert says in answer.json()["detail"]
    assert client.get(answer.json()["type"]).status_code == 200


@pytest.mark.parametrize(
    "kind", ["multipart/form-data; boundary=x", "application/json", "application/octet-stream", ""]
)
def test_a_media_type_that_cannot_be_read_is_refused_with_all_that_can(
    client: Client, admin: dict[str, str], kind: str
) -> None:
    answer = client.post(RUNBOOKS, content=b"--x--", headers=admin | ({"Content-Type": kind} if kind else {}))

    assert (answer.status_code, answer.headers["Content-Type"]) == (415, "application/problem+json")
    assert answer.json()["detail"].endswith(f"with one of Content-Type: {', '.join(MEDIA_TYPES)}")
    assert answer.json()["detail"].startswith("content type" if kind else "there is no content type; ")


def test_the_document_lists_all_media_types_that_are_read() -> None:
    told = described()["paths"][RUNBOOKS]["post"]["requestBody"]["content"]

    assert list(told) == list(MEDIA_TYPES)
    assert told["application/pdf"]["schema"]["format"] == "binary"
    assert told["text/markdown"]["examples"]


def test_bytes_that_are_no_text_are_refused(client: Client, admin: dict[str, str]) -> None:
    answer = client.post(RUNBOOKS, content=b"\xff\xfe", headers=admin | {"Content-Type": "text/plain"})

    assert answer.status_code == 422
    assert "not UTF-8" in answer.json()["detail"]


def test_no_more_are_kept_than_may_be(client: Client, admin: dict[str, str]) -> None:
    answers = [kept(client, admin, name=f"r{number}").status_code for number in range(13)]

    assert answers == [201] * 12 + [422]
    assert kept(client, admin, TEXT + "more", name="r0").status_code == 200


def test_one_that_comes_twice_at_a_time_is_kept_once(client: Client, admin: dict[str, str]) -> None:
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: kept(client, admin).status_code, range(4)))

    assert sorted(answers) == [200, 200, 200, 201]


def test_a_cursor_of_others_is_refused(client: Client, admin: dict[str, str]) -> None:
    assert client.get(RUNBOOKS, params={"cursor": "nonsense"}, headers=admin).status_code == 422


def test_a_runbook_that_is_removed_is_gone(client: Client, admin: dict[str, str]) -> None:
    where = kept(client, admin).headers["Location"]

    answers = [client.delete(where, headers=admin).status_code, client.get(where, headers=admin).status_code]

    assert [*answers, client.delete(where, headers=admin).status_code] == [204, 404, 404]


def test_only_who_administers_keeps_runbooks(secured: Secured, client: Client, admin: dict[str, str]) -> None:
    where = kept(client, admin).headers["Location"]
    other = secured.key("other", "read", "report")

    assert kept(client, other).status_code == 403
    assert client.delete(where, headers=other).status_code == 403
    assert client.get(where, headers=other).status_code == 200


def test_a_team_sees_its_own_runbooks_and_those_for_everybody(
    secured: Secured, client: Client, admin: dict[str, str]
) -> None:
    shop, bank = (secured.key(name, "admin", namespaces=[name]) for name in ("shop", "bank"))
    common = kept(client, admin, name="common").headers["Location"]
    own = kept(client, shop, name="pricing").headers["Location"]
    same = kept(client, bank, name="pricing").headers["Location"]

    assert names(client, shop) == ["common", "pricing"]
    assert own != same
    assert [client.get(one, headers=bank).status_code for one in (common, own, same)] == [200, 404, 200]
    assert [client.delete(one, headers=bank).status_code for one in (common, own)] == [404, 404]
    assert kept(client, bank, namespace="shop").status_code == 403
    assert names(client, bank, text="pricing") == ["common", "pricing"]
    assert names(client, admin) == ["common", "pricing", "pricing"]


NOTED = """---
last_reviewed: 2020-01-31
services: [cart
---
# Cart
"""
BLOCKS = """---
last_reviewed: 2020-01-31
---
# Cart

```check
It waits: {kind: pod.phase, phase: Pending}
It is full: {kind: pod.fase}
```

```rule
id: cart-waits
```
"""


@pytest.mark.parametrize(
    ("text", "kind", "notes"),
    [
        (TEXT, "text/markdown", []),
        (NOTED, "text/markdown", ["the runbook:4: its front matter is left out: "]),
        (
            BLOCKS,
            "text/markdown",
            [
                "the runbook:8: unknown fact kind 'pod.fase'; did you mean 'pod.phase'?; this check is left out",
                "the runbook:12: this rule is not used",
                "the runbook: was last reviewed on 2020-01-31, more than 365 days ago (knowledge.stale_days)",
            ],
        ),
        (
            "Cart\n====\n\n.. include:: other.rst\n",
            "text/x-rst",
            ["the runbook:4: the include of other.rst is left out"],
        ),
        ("\x01\x02 noise", "text/plain", ["the runbook: is no text but binary data"]),
    ],
    ids=["none", "front", "blocks", "include", "noise"],
)
def test_who_uploads_is_told_what_is_not_taken(
    client: Client, admin: dict[str, str], text: str, kind: str, notes: list[str]
) -> None:
    answer = kept(client, admin, text, kind).json()
    (listed,) = client.get(RUNBOOKS, headers=admin).json()["items"]

    assert len(answer["notes"]) == len(notes)
    assert [told for told, begin in zip(answer["notes"], notes, strict=True) if not told.startswith(begin)] == []
    assert listed["notes"] == answer["notes"]


def test_pages_that_are_not_read_are_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    few = Secured(tmp_path_factory.mktemp("state"), knowledge=KnowledgeSettings(pages=1))
    headers = few.key("root", "admin") | {"Content-Type": "application/pdf"}
    with asking(few) as client:
        (note,) = client.post(RUNBOOKS, content=documents.pdf(["One", "Two"]), headers=headers).json()["notes"]

    assert note.startswith("the runbook: has 2 pages, of which the first 1 were read")


def test_what_is_noted_later_is_kept_with_the_same_text(store: Database) -> None:
    made = runbook_of(TEXT, "text/markdown", name="cart", namespace="", author="", now=NOW)
    noted = msgspec.structs.replace(made, notes=("it is stale",))
    store.runbooks.keep(made, most=9)

    changed, _ = store.runbooks.keep(noted, most=9)

    assert (changed, store.runbooks.get(made.id)) == (noted, noted)
    assert [one.notes for one in store.runbooks.list(RunbookQuery()).items] == [noted.notes]


def test_notes_hold_no_secrets_and_are_few_and_short() -> None:
    told = bounded([*(f"note {number} {'x' * LONGEST}" for number in range(MOST + 2)), "password=hunter2-hunter2"])

    assert (len(told), told[-1], {len(one) for one in told[:-1]}) == (MOST + 1, "3 more notes", {LONGEST})
    assert "hunter2" not in bounded(["password=hunter2-hunter2"])[0]
