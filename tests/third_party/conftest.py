"""The plugins in this folder are projects of their own: their tests run where they are installed."""

from __future__ import annotations

collect_ignore_glob = ["hooks-*"]
