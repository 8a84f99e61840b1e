"""Settings: one struct, from a TOML or YAML file and the environment; unknown keys are refused."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec
import platformdirs

from sre_orchestrator.core.errors import SettingsError
from sre_orchestrator.core.models import Struct

PREFIX = "SRE_ORCHESTRATOR_"


class SnapshotLimits(Struct, frozen=True, kw_only=True):
    """Bounds on what an archive may unpack to (bytes, files) and on one log line (bytes)."""

    unpacked_bytes: int = 4 * 1024**3
    files: int = 200_000
    log_line_bytes: int = 64 * 1024


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that can be set; each key is also ``SRE_ORCHESTRATOR_<KEY>`` in the environment."""

    state_dir: str = msgspec.field(default_factory=lambda: platformdirs.user_state_dir("sre-orchestrator"))
    snapshot: str = ""
    namespace: str = ""
    agent_timeout_seconds: float = 30.0
    concurrent_agents: int = 8
    rounds: int = 2
    round_budget_seconds: float = 120.0
    window_minutes: float = 60.0
    confidence_floor: float = 0.5
    shown_hypotheses: int = 5
    engine: str = "semi-naive"
    block_plugins: tuple[str, ...] = ()
    trace_plugins: bool = False
    rule_folders: tuple[str, ...] = ()
    snapshot_limits: SnapshotLimits = SnapshotLimits()


def read_settings(path: Path | None, environment: Mapping[str, str], **overrides: object) -> Settings:
    """Read settings: file, then environment, then ``overrides`` that are not ``None``.

    Raises:
        SettingsError: the file or a variable cannot be used; the message names it.

    """
    values: dict[str, object] = _file(path) if path else {}
    for key in Settings.__struct_fields__:
        text = environment.get(PREFIX + key.upper())
        if text is not None:
            values[key] = text.split(",") if key in {"block_plugins", "rule_folders"} else text
    values |= {key: value for key, value in overrides.items() if value is not None}
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path or 'environment'}: {error}; see docs/reference/settings.md for the keys") from error


def _file(path: Path) -> dict[str, object]:
    try:
        text = path.read_bytes()
        if path.suffix == ".toml":
            return tomllib.loads(text.decode())
        return msgspec.yaml.decode(text, type=dict[str, object])
    except (OSError, ValueError, msgspec.DecodeError) as error:
        raise SettingsError(f"{path}: {error}; give a readable TOML or YAML file") from error
