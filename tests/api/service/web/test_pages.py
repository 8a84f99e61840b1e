"""The files of the web page as the service answers them, without a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar.testing import TestClient
from secured import Client, Secured

from sre_orchestrator.api.service.web import pages

FOLDER = Path(__file__).parents[4] / "api" / "service" / "web" / "static"
SCRIPTS = sorted(FOLDER.glob("*.js"))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    secured = Secured(tmp_path_factory.mktemp("state"))
    with TestClient(secured.app) as client:
        yield client
    secured.store.close()


def test_the_page_is_open_and_its_policy_is_strict(client: Client) -> None:
    answer = client.get("/")

    policy = answer.headers["Content-Security-Policy"]
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_is_asked_for_again_and_answered_only_when_it_changed(client: Client) -> None:
    first = client.get("/")
    again = client.get("/", headers={"If-None-Match": f'"other", {first.headers["ETag"]}'})

    assert first.headers["Cache-Control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")


def test_every_part_that_the_page_names_is_there_and_kept_for_good(client: Client) -> None:
    named = re.findall(r'(?:href|src)="(web/[^"]+)"', client.get("/").text)
    answers = [client.get(f"/{one}") for one in named]

    assert len(named) >= 5
    assert {(one.status_code, one.headers["Cache-Control"]) for one in answers} == {(200, pages.KEPT)}


@pytest.mark.parametrize("name", ["none.js", "index.html", "..%2Fpages.py"])
def test_nothing_else_is_there(client: Client, name: str) -> None:
    answer = client.get(f"/web/{pages.site().digest}/{name}")

    assert answer.status_code == 404


def test_parts_of_another_version_are_not_there(client: Client) -> None:
    answer = client.get("/web/0000/main.js")

    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "there is no such part of the web page; load the page again",
    )


def test_no_script_makes_markup_of_data() -> None:
    makes = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(|new Function")

    assert [one.name for one in SCRIPTS if makes.search(one.read_text(encoding="utf-8"))] == []


def test_scripts_are_small_and_come_from_nowhere_else() -> None:
    imported = {
        (one.name, found)
        for one in SCRIPTS
        for found in re.findall(r'from "\./([^"]+)"', one.read_text(encoding="utf-8"))
    }
    urls = [one.name for one in FOLDER.iterdir() if re.search(r"https?://(?!www\.w3\.org)\w", one.read_text("utf-8"))]

    assert {found for _, found in imported} <= {one.name for one in SCRIPTS}
    assert urls == []
    assert max(len(one.read_text(encoding="utf-8").splitlines()) for one in SCRIPTS) <= 150


def test_the_document_has_no_script_and_no_style_of_its_own() -> None:
    document = (FOLDER / "index.html").read_text(encoding="utf-8")

    assert re.search(r"<style|style=|<script>|\son\w+=", document) is None
