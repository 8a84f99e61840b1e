"""What is known of models: the examinations that are kept, and the kinds that can be opened."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from sre_orchestrator.api.examination.stored import Examination, Unreadable, kept_in
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.language.ports import ModelKind
from sre_orchestrator.core.models import Struct


class Listed(Struct, frozen=True, kw_only=True):
    """The examinations that count, those that do not, and kinds of models."""

    examined: tuple[Examination, ...]
    unreadable: tuple[Unreadable, ...]
    kinds: tuple[str, ...]


def listed(folder: Path, installation: Installation) -> Listed:
    """Return what is kept in ``folder``, and what can be opened."""
    every = tuple(kept_in(folder))
    kinds = cast("list[ModelKind]", installation.plugins.collect("register_models", settings=installation.settings))
    return Listed(
        examined=tuple(one for one in every if isinstance(one, Examination)),
        unreadable=tuple(one for one in every if isinstance(one, Unreadable)),
        kinds=tuple(sorted(one.name for one in kinds)),
    )
