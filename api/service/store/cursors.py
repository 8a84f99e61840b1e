"""Cursors: where a page ended, in a form that addresses can carry."""

from __future__ import annotations

import base64
import binascii
from typing import TypeVar

import msgspec

from sre_orchestrator.core.errors import InputError

P = TypeVar("P")


def cursor_at(first: str, second: str) -> str:
    """Return the cursor of a place."""
    return base64.urlsafe_b64encode(msgspec.json.encode((first, second))).decode().rstrip("=")


def place_of(cursor: str, kind: type[P]) -> tuple[P, P]:
    """Return the place of a cursor, of two texts that ``kind`` describes.

    Raises:
        InputError: it is none of ours.

    """
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=tuple[kind, kind])  # type: ignore[valid-type]  # known when it runs
    except (binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise InputError(f"cursor {cursor[:40]!r}: is none of ours; begin without one") from error
