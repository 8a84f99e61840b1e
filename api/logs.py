"""How long-running commands log: lines for people on a terminal, JSON elsewhere, on standard error; secrets are masked.

What libraries log goes the same way, from warnings upward. Each line carries what is bound where it is written: the
``incident`` that is investigated, the ``request`` that is answered.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping

import structlog

from sre_orchestrator.core.redact import without_secrets

Event = MutableMapping[str, object]


def configure_logs() -> None:
    """Log to standard error: readable on a terminal, else one JSON object a line."""
    terminal = sys.stderr.isatty()
    known: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    shown: list[structlog.typing.Processor] = (
        # no tracebacks with the values of variables: these may be secret
        [masked, structlog.dev.ConsoleRenderer(colors=True, exception_formatter=structlog.dev.plain_traceback)]
        if terminal
        else [structlog.processors.format_exc_info, masked, structlog.processors.JSONRenderer(default=str)]
    )
    structlog.configure(
        processors=[*known, *shown],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    libraries = logging.StreamHandler(sys.stderr)
    libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*known, structlog.stdlib.add_logger_name, structlog.stdlib.ExtraAdder(allow=())],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shown],
        )
    )
    logging.basicConfig(handlers=[libraries], level=logging.WARNING, force=True)


def masked(_: object, __: str, event: Event) -> Event:
    """Mask what looks like a secret in every text of a line."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = without_secrets(value)
    return event


def warn(problem: str) -> None:
    """Log something that a person should know and that stops nothing."""
    structlog.get_logger().warning("state", problem=problem)
