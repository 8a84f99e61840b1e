"""A service reads the folders of runbooks that its settings name, beside its requests, at each start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from shutil import copytree

import anyio
import httpx
import pytest
from metric_servers import until
from served import served

from sre_orchestrator.api.service.ingesting import Ingesting
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.settings import KnowledgeSettings, Settings
from sre_orchestrator.plugins.knowledge.library import Library, library_file

RULED = """# Cart

```rule
id: cart-waits
title: Pods of the cart wait
status: experimental
why: The owner says so.
when: {all: {a: {kind: pod.phase, phase: Pending}}}
then: {cause: application-start-error, component: "{a.component}", strength: weak, because: pending}
tests:
  - {name: fires, facts: [{kind: pod.phase, component: pod/shop/a, phase: Pending}], expect: [application-start-error]}
  - {name: silent, facts: [], expect: []}
```

```check
It is full: {kind: pod.fase}
```
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache that knows the built-in book."""
    state = tmp_path_factory.mktemp("state")
    with closing(Installation(Settings(state_dir=str(state)))) as installation:
        assert installation.book.rules
    return state / "cache"


@pytest.fixture
def books(tmp_path: Path) -> Path:
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "cart.md").write_text(RULED)
    return tmp_path / "books"


@pytest.fixture
def installation(tmp_path: Path, books: Path, cache: Path) -> Iterator[Installation]:
    copytree(cache, tmp_path / "state" / "cache")
    settings = Settings(state_dir=str(tmp_path / "state"), knowledge=KnowledgeSettings(folders=(str(books),)))
    with closing(Installation(settings)) as made:
        yield made


def run_until(ingesting: Ingesting, holds: Callable[[], bool]) -> None:
    async def scenario() -> None:
        with anyio.fail_after(60):
            async with ingesting.running():
                while not holds():
                    await anyio.sleep(0.01)

    anyio.run(scenario)


def rules(installation: Installation) -> list[str]:
    return [rule.id for rule in installation.book.rules if rule.id.startswith("cart.")]


def test_folders_are_read_and_their_rules_count_from_then_on(
    installation: Installation, capfd: pytest.CaptureFixture[str]
) -> None:
    ingesting = Ingesting(installation)
    before, begun = rules(installation), ingesting.why()
    run_until(ingesting, lambda: not ingesting.why())

    assert (before, begun) == ([], "the folders of knowledge.folders are being read")
    assert rules(installation) == ["cart.cart-waits"]
    told = "".join(capfd.readouterr())
    assert "unknown fact kind 'pod.fase'" in told
    assert "runbooks are read" in told


def test_what_has_not_changed_compiles_no_rules_anew(installation: Installation) -> None:
    Ingesting(installation).read()
    book = installation.book

    Ingesting(installation).read()

    assert installation.book is book


def test_a_document_that_cannot_be_read_is_in_the_log_and_the_others_are_read(
    installation: Installation, books: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (books / "noise.md").write_bytes(bytes(range(256)) * 4)
    ingesting = Ingesting(installation)

    ingesting.read()

    assert ingesting.why() == ""
    assert "noise.md: is no text but binary data" in "".join(capfd.readouterr())


def test_a_folder_that_is_not_there_is_told(installation: Installation, books: Path) -> None:
    (books / "cart.md").unlink()
    books.rmdir()
    ingesting = Ingesting(installation)

    ingesting.read()

    assert ingesting.why().startswith(f"1 runbook cannot be read: {books}: cannot be read: ")


def test_a_library_that_cannot_be_used_is_told(installation: Installation, capfd: pytest.CaptureFixture[str]) -> None:
    file = library_file(installation.settings.state_dir)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"no database" * 100)
    ingesting = Ingesting(installation)

    run_until(ingesting, lambda: "damaged" in ingesting.why())

    assert "ingest --rebuild" in ingesting.why()
    assert "the runbooks of knowledge.folders cannot be read" in "".join(capfd.readouterr())


def test_a_service_is_ready_meanwhile_and_says_so(tmp_path: Path, books: Path, cache: Path) -> None:
    copytree(cache, tmp_path / "state" / "cache")
    (tmp_path / "settings.yaml").write_text(f"knowledge: {{folders: [{books}]}}\n")

    with served(tmp_path / "state", tmp_path / "settings.yaml") as (_, address):
        first = httpx.get(f"{address}/readyz")
        until(lambda: httpx.get(f"{address}/readyz").json()["status"] == "ready", 60)

    assert first.status_code == 200
    assert first.json()["checks"]["runbooks"]["needed"] is False
    with closing(Library(library_file(str(tmp_path / "state")))) as library:
        assert [one.title for one in library.documents()] == ["Cart"]
