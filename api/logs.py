"""How long-running commands log: lines for people on a terminal, JSON elsewhere, on standard error."""

from __future__ import annotations

import sys

import structlog


def configure_logs() -> None:
    """Log to standard error: readable on a terminal, else one JSON object a line."""
    terminal = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer(colors=True) if terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


def warn(problem: str) -> None:
    """Log something that a person should know and that stops nothing."""
    structlog.get_logger().warning("state", problem=problem)
