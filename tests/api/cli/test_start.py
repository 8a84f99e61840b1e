"""What the program imports before it knows that it is needed: start-up is most of a short diagnosis."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[3] / "api" / "demo" / "shop"
SLOW = "alembic cryptography dns httpx kubernetes litestar mcp prometheus_client sqlalchemy stamina structlog uvicorn"
ASKED = f"""
import sys
from sre_orchestrator.api.cli.main import main
try:
    main()
finally:
    print("loaded:", *(name for name in {SLOW!r}.split() if name in sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [("--help",), ("diagnose", "--snapshot", str(DEMO))], ids=["help", "diagnose"])
def test_what_only_running_clusters_need_is_not_imported(arguments: tuple[str, ...], state_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASKED, *arguments],
        capture_output=True, text=True, check=False, timeout=120, env={"SRE_ORCHESTRATOR_STATE_DIR": str(state_dir)},
    )  # fmt: skip

    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "loaded:")
