"""Every error this project raises on purpose: where first, then what, then what to do."""

from __future__ import annotations


class SreError(Exception):
    """Base of our errors; its text is shown to the user as it is."""


class InputError(SreError):
    """What the user gave cannot be used: a path, a time, a namespace, a file (exit code 2)."""


class SettingsError(InputError):
    """A settings file or environment variable cannot be used."""


class RuleError(InputError):
    """A rule, cause or vocabulary file cannot be used."""


class ModelError(SreError):
    """A language model did not answer; the program goes on without it.

    ``prompt_tokens`` and ``completion_tokens`` are what it cost all the same, estimated.
    """

    def __init__(self, why: str, *, prompt_tokens: int = 0, completion_tokens: int = 0) -> None:
        super().__init__(why)
        self.prompt_tokens = prompt_tokens
        self.completion_tokens = completion_tokens


class PluginError(SreError):
    """A plugin broke its contract."""


class SourceMissing(SreError):  # noqa: N818 - it is what happened, and agents need not handle it
    """An agent needs a source that this installation does not have."""
