"""The status page is read as it answers, and as it was recorded."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from sre_orchestrator.core.errors import SourceMissing

from flag_service.options import Options
from flag_service.source import Part, live_page, recorded_page

PAGE = b'{"page": {"name": "Flag Service"}, "components": [{"id": "k1", "name": "API", "status": "operational"}]}'


class Answer(BaseHTTPRequestHandler):
    """Answers as the status page does."""

    def do_GET(self) -> None:
        """Send the page."""
        self.send_response(200 if self.path == "/api/v2/components.json" else 404)
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_page_is_asked(url: str) -> None:
    page = live_page(Options(url=url))

    assert asyncio.run(page.parts()) == (Part(name="API", status="operational"),)
    assert asyncio.run(page.record()) == {"components.json": PAGE}


def test_what_was_recorded_is_read(tmp_path: Path) -> None:
    (tmp_path / "components.json").write_bytes(PAGE)

    assert asyncio.run(recorded_page(tmp_path).parts()) == (Part(name="API", status="operational"),)


def test_a_page_that_does_not_answer_is_no_source(url: str, tmp_path: Path) -> None:
    (tmp_path / "components.json").write_bytes(b"<html>")

    for page in (live_page(Options(url=f"{url}/nowhere")), recorded_page(tmp_path), recorded_page(tmp_path / "no")):
        with pytest.raises(SourceMissing, match="the status page of Flag Service"):
            asyncio.run(page.parts())
