"""How long-running commands log: lines for people on a terminal, JSON elsewhere, on standard error."""

from __future__ import annotations

import sys
from typing import TextIO

import structlog


def configure_logs(stream: TextIO | None = None) -> None:
    """Log to ``stream`` (standard error by default): readable on a terminal, else one JSON object a line."""
    out = stream or sys.stderr
    renderer = structlog.dev.ConsoleRenderer(colors=True) if out.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
