"""Adds rule packs: whole and with all their tests passed, or not at all; removes them again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from importlib.resources.abc import Traversable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from sre_orchestrator.api.blocks import CHECK, RULE
from sre_orchestrator.api.parts import Unwatched
from sre_orchestrator.api.wiring import Installation
from sre_orchestrator.core.errors import RuleError
from sre_orchestrator.core.knowledge import CheckText, RuleText
from sre_orchestrator.core.models import Struct
from sre_orchestrator.core.settings import Settings
from sre_orchestrator.core.vocabulary import Vocabulary, load_vocabulary, nearest
from sre_orchestrator.rules import packs
from sre_orchestrator.rules.book import RuleBook, load_book, read_checked
from sre_orchestrator.rules.catalogue import yaml_files
from sre_orchestrator.rules.checks import read_checks
from sre_orchestrator.rules.packs import Pack, Sort
from sre_orchestrator.rules.testing import run_case

SHOWN = 10


class Added(Struct, frozen=True, kw_only=True):
    """A pack that was added, and how much of each sort it brought."""

    pack: Pack
    files: dict[Sort, int]
    tests: int


def add_pack(settings: Settings, source: Path) -> Added:
    """Add the pack in a folder or a wheel, in the place of one of its name; its runbooks go into the library.

    Raises:
        RuleError: something of it cannot be used, or a test fails; nothing was changed then.

    """
    state = Path(settings.state_dir)
    content = packs.read_pack(source)
    name = content.pack.name
    root = packs.packs_folder(state)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=root, prefix=".") as partial:
            folder = Path(partial) / name
            packs.write_pack(content, folder)
            problems, tests = _tried(settings, folder, name)
            if problems:
                raise RuleError(_refused(source, folder, problems))
            packs.put_in_place(folder, state, name)
    except OSError as error:
        raise RuleError(f"{root}: cannot be written: {error.strerror}; choose another --state-dir") from error
    _ingest(settings, name)
    files = {sort: sum(path.startswith(f"{sort}/") for path in content.files) for sort in packs.SORTS}
    return Added(pack=content.pack, files=files, tests=tests)


def remove_pack(settings: Settings, name: str) -> None:
    """Remove a pack, and its runbooks from the library.

    Raises:
        RuleError: there is no such pack.

    """
    state = Path(settings.state_dir)
    if not packs.remove(state, name):
        raise RuleError(f"there is no rule pack {name!r}{nearest(name, packs.names(state))}")
    _ingest(settings, name)


def _refused(source: Path, folder: Path, problems: Sequence[str]) -> str:
    shown = [problem.replace(str(folder), str(source)) for problem in problems[:SHOWN]]
    more = [f"and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
    return "\n  ".join([f"{source}: the rule pack is refused, nothing of it was added:", *shown, *more])


def _tried(settings: Settings, folder: Path, name: str) -> tuple[list[str], int]:
    """Return what is wrong with a pack beside all else that is installed, and how many tests it has."""
    texts, problems = _blocks_of(settings, folder / "runbooks")
    vocabulary, book, found = _loaded(settings, name, folder, [RuleText(origin=one, text=text) for one, text in texts])
    if found:
        before = _loaded(settings, name, None, ())[2]  # what is wrong with others is not this pack's fault
        problems += [one for one in found if one not in before]
    problems += _wrong_checks(settings, folder, vocabulary)
    tests = 0
    for path, text in yaml_files(folder / "rules") if (folder / "rules").is_dir() and not problems else ():
        rule, cases = read_checked(text, path, vocabulary, book.causes)
        tests += len(cases)
        wrong = ((case, run_case(rule, case, book.rules)) for case in cases)
        problems += [f"{path}: test {case.name!r}: {why}" for case, why in wrong if why]
    return problems, tests


def _loaded(
    settings: Settings, name: str, folder: Path | None, texts: Sequence[RuleText]
) -> tuple[Vocabulary, RuleBook, tuple[str, ...]]:
    """Return vocabulary, book and problems of all that is installed but the pack ``name``, and of ``folder``."""
    installation = Installation(settings)

    def folders(hook: str, sort: Sort) -> tuple[Traversable, ...]:
        plugins = cast("list[Traversable]", installation.plugins.collect(hook))
        state = Path(settings.state_dir)
        others = [packs.packs_folder(state) / one.name for one in installation.packs if one.name != name]
        mine = [one / sort for one in (*others, *([folder] if folder else [])) if (one / sort).is_dir()]
        return (*plugins, *mine)

    cache = Path(settings.state_dir) / "cache"
    vocabulary = load_vocabulary(folders("register_vocabulary", "kinds"), cache=cache)
    book = load_book(
        vocabulary,
        rule_folders=(*folders("register_rules", "rules"), *map(Path, settings.rule_folders)),
        cause_folders=folders("register_causes", "causes"),
        texts=texts,
        cache=cache,
    )
    return vocabulary, book, (*vocabulary.problems, *book.problems, *book.refused)


def _blocks_of(settings: Settings, folder: Path, language: str = RULE) -> tuple[tuple[tuple[str, str], ...], list[str]]:
    """Return the blocks of the runbooks in ``folder``, and what is wrong with its documents."""
    if not folder.is_dir():
        return (), []
    from sre_orchestrator.plugins.knowledge.ingesting import Ingestion  # noqa: PLC0415 - most packs have none
    from sre_orchestrator.plugins.knowledge.library import Library  # noqa: PLC0415

    with closing(Library()) as library:
        done = Ingestion(library, settings.knowledge, Unwatched()).run([str(folder)])
        return library.fences(language), list(done.problems)


def _wrong_checks(settings: Settings, folder: Path, vocabulary: Vocabulary) -> Iterator[str]:
    for origin, text in _blocks_of(settings, folder / "runbooks", CHECK)[0]:
        yield from read_checks(CheckText(origin=origin, text=text), vocabulary)[1]


def _ingest(settings: Settings, name: str) -> None:
    """Bring the library up to date with the runbooks of a pack, of which there may be none any more."""
    from sre_orchestrator.plugins.knowledge.ingesting import Ingestion  # noqa: PLC0415 - most packs have none
    from sre_orchestrator.plugins.knowledge.library import Library, library_file  # noqa: PLC0415

    folder = packs.packs_folder(Path(settings.state_dir)) / name / "runbooks"
    file = library_file(settings.state_dir)
    if not folder.is_dir() and not file.exists():
        return
    with closing(Library(file)) as library:
        if folder.is_dir():
            Ingestion(library, settings.knowledge, Unwatched()).run([str(folder)])
        else:
            library.remove(tuple(library.below(f"{folder.absolute()}/")))
