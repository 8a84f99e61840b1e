"""Records what the sources of plugins know, as files of their own; one that breaks its contract is a gap."""

from __future__ import annotations

from collections.abc import Iterator

import anyio

from sre_orchestrator.core.boundary import Failure, guarded
from sre_orchestrator.core.hookspecs import Recordable, Sources
from sre_orchestrator.core.models import Gap
from sre_orchestrator.core.redact import without_secrets
from sre_orchestrator.plugins.sources.snapshot.recording import Recording, is_name

FOLDER = "plugins"


def record_others(sources: Sources, recording: Recording) -> None:
    """Record every source that can be, into ``plugins/NAME``; what was recorded without gaps is not asked for again."""
    for source in sources.all:
        part = f"{FOLDER}/{source.name}"
        if isinstance(source, Recordable) and not recording.is_done(part):
            recording.finish_part(part, list(_record(source, recording)))


def _record(source: Recordable, recording: Recording) -> Iterator[Gap]:
    # the files are looked at inside, too: a plugin may return anything
    outcome = guarded(lambda: list(_named(anyio.run(source.record))))
    if isinstance(outcome, Failure):
        yield _gap(source, outcome.why)
    elif wrong := [name for name in (source.name, *(name for name, _ in outcome.value)) if not is_name(name)]:
        yield _gap(source, f"{wrong[0]!r} is no name of a file")
    else:
        for name, content in outcome.value:
            recording.write(f"{FOLDER}/{source.name}/{name}", content)


def _named(files: object) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of files, without the secrets that texts hold."""
    for name, content in dict(files).items():  # type: ignore[call-overload]  # whatever it is
        if not isinstance(content, bytes):
            raise TypeError(f"{name} is no bytes but {type(content).__name__}")
        try:
            yield str(name), without_secrets(content.decode()).encode()
        except UnicodeDecodeError:
            yield str(name), content


def _gap(source: Recordable, why: str) -> Gap:
    return Gap(
        agent="snapshot",
        what=f"what {source.name} knows",
        why=why,
        remedy="see the settings of the plugin that adds it; fix, upgrade or uninstall it",
    )
