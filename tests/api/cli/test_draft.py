"""``rules draft``."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Run

DEMO = Path(__file__).parents[3] / "api" / "demo" / "shop"
BOOK = """# Cart

## Diagnosis

The container was OOMKilled.

## Mitigation

Call Bob.
"""


@pytest.fixture
def runbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SRE_ORCHESTRATOR_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "cart.md").write_text(BOOK)
    return tmp_path / "cart.md"


def test_a_rule_is_drafted_from_a_runbook_and_passes_its_tests(run: Run, runbook: Path, tmp_path: Path) -> None:
    out = tmp_path / "ours"

    result = run("rules", "draft", runbook, "--cause", "memory-limit-too-low", "--out", out)
    (path,) = out.iterdir()
    again = run("rules", "draft", runbook, "--cause", "memory-limit-too-low", "--out", out)

    assert result.out.startswith(f"wrote {path}; next: correct it, rename it")
    assert run("rules", "test", path).out == "2 tests, 0 failed\n"
    assert again.code == 2
    assert "exists already; choose another folder" in again.err


def test_a_rule_is_drafted_from_a_confirmed_incident(run: Run, tmp_path: Path, runbook: Path) -> None:
    bundle = tmp_path / "shop.bundle.gz"
    run("diagnose", "--snapshot", DEMO, "--save-bundle", bundle)

    result = run("rules", "draft", bundle)
    too_many = run("rules", "draft", bundle, "--hypothesis", "99")

    assert result.code == 0
    assert "cause: memory-limit-too-low" in result.out
    assert "pricing" not in result.out
    assert "there is no number 99" in too_many.err
    assert runbook.exists()


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ([], "say which cause it is about: --cause"),
        (["--cause", "memory-limit-to-low"], "there is no cause 'memory-limit-to-low'; did you mean 'memory-limit-too-low"),
        (["--cause", "memory-leak", "--section", "Diagnose"], "has no section 'Diagnose'; did you mean 'Diagnosis'?"),
        (["--cause", "memory-leak", "--section", "mitigation"], "names nothing that a fact could show"),
    ],
)  # fmt: skip
def test_what_cannot_be_drafted_is_told(run: Run, runbook: Path, more: list[str], complaint: str) -> None:
    result = run("rules", "draft", runbook, *more)

    assert result.code == 2
    assert complaint in result.err


def test_a_file_that_is_not_there_or_too_large_is_told(
    run: Run, runbook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = run("rules", "draft", runbook.with_name("gone.md"))
    monkeypatch.setenv("SRE_ORCHESTRATOR_KNOWLEDGE", "{document_bytes: 9}")
    large = run("rules", "draft", runbook, "--cause", "memory-leak")

    assert "there is no such file; give a bundle or a runbook" in gone.err
    assert "weighs more than 9 bytes" in large.err
