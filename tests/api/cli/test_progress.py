"""The display of agents at work."""

from __future__ import annotations

import io

from rich.console import Console

from sre_orchestrator.api.cli.progress import AgentBoard


def test_the_board_shows_step_and_agents_and_then_goes_away() -> None:
    stream = io.StringIO()
    with AgentBoard(Console(file=stream, force_terminal=True, width=80)) as board:
        board.step("gather")
        board.agent("nodes", "asked")
        board.agent("nodes", "done")
        board.agent("logs", "failed")
        shown = board.line.plain

    assert shown == "gather    ✓ nodes  ✗ logs"
    assert stream.getvalue().endswith("\x1b[2K")
