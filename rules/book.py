"""The rule book: every rule and cause of the installation, read once and cached."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePath

import msgspec

from sre_orchestrator.core.documents import line_of
from sre_orchestrator.core.errors import RuleError
from sre_orchestrator.core.models import Cause, Struct
from sre_orchestrator.core.vocabulary import Vocabulary
from sre_orchestrator.rules.catalogue import read_causes, yaml_files
from sre_orchestrator.rules.check import check_rule
from sre_orchestrator.rules.engine import Plan
from sre_orchestrator.rules.model import Case, Rule
from sre_orchestrator.rules.reader import Problem, read_rule

DOMAINS = (
    "admission",
    "scheduling",
    "storage",
    "startup",
    "runtime",
    "routing",
    "nodes",
    "performance",
    "database",
    "auth",
    "change",
)
FORMAT = 1
DIGEST_BYTES = 8


class RuleBook(Struct, frozen=True, kw_only=True):
    """Checked rules and causes; ``problems`` names the third-party files that were refused."""

    digest: str
    rules: tuple[Rule, ...]
    causes: dict[str, Cause]
    problems: tuple[str, ...] = ()

    def compile(self) -> Plan:
        """Return the plan that the default engine runs."""
        return Plan(self.rules, self.causes, self.digest)


def builtin_rules() -> tuple[Traversable, ...]:
    """Return the folders of the built-in rules."""
    root = files("sre_orchestrator.rules")
    return tuple(folder for domain in DOMAINS if (folder := root / domain).is_dir())


def builtin_causes() -> tuple[Traversable, ...]:
    """Return the folder of the built-in cause catalogue."""
    return (files("sre_orchestrator.rules") / "causes",)


def load_book(
    vocabulary: Vocabulary,
    *,
    rule_folders: Sequence[Traversable] = (),
    cause_folders: Sequence[Traversable] = (),
    cache: Path | None = None,
) -> RuleBook:
    """Load the built-in book and what ``rule_folders`` and ``cause_folders`` add.

    A bad file of a third party is refused and named in ``problems``. With ``cache`` (a folder),
    checked rules are kept there by the digest of all files; a cache that cannot be read or
    written only costs time.

    Raises:
        RuleError: a built-in file is bad, or the book has a negation cycle.

    """
    cause_files = [file for folder in (*builtin_causes(), *cause_folders) for file in yaml_files(folder)]
    own = [file for folder in builtin_rules() for file in yaml_files(folder)]
    foreign = [file for folder in rule_folders for file in yaml_files(folder)]
    digest = _digest([*cause_files, *own, *foreign], vocabulary)
    known = _cached(cache, digest)
    if known is not None:
        return known
    causes = read_causes(cause_files)
    rules = [read_checked(text, path, vocabulary, causes)[0] for path, text in own]
    problems = []
    for path, text in foreign:
        try:
            rules.append(read_checked(text, path, vocabulary, causes)[0])
        except RuleError as error:
            problems.append(str(error))
    book = RuleBook(digest=digest, rules=_distinct(rules), causes=causes, problems=tuple(problems))
    book.compile()
    _keep(cache, book)
    return book


def read_checked(
    text: bytes, path: str, vocabulary: Vocabulary, causes: dict[str, Cause]
) -> tuple[Rule, tuple[Case, ...]]:
    """Read one rule file and check it against vocabulary and causes.

    Raises:
        RuleError: with path and line, what is wrong and the nearest valid name.

    """
    rule, cases = read_rule(text, path, PurePath(path).stem)
    try:
        check_rule(rule, cases, vocabulary, causes)
    except Problem as problem:
        raise RuleError(f"{path}:{line_of(text, problem.where)}: {problem}") from None
    return rule, cases


def _distinct(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    found: dict[str, Rule] = {}
    for rule in rules:
        if rule.id in found:
            raise RuleError(f"{rule.path}: rule id {rule.id!r} is also in {found[rule.id].path}; rename one of them")
        found[rule.id] = rule
    return tuple(found[name] for name in sorted(found))


def _digest(contents: Iterable[tuple[str, bytes]], vocabulary: Vocabulary) -> str:
    whole = hashlib.blake2b(digest_size=DIGEST_BYTES)
    whole.update(msgspec.msgpack.encode((FORMAT, vocabulary.kinds), order="sorted"))
    for path, text in contents:
        whole.update(PurePath(path).name.encode() + b"\0" + text + b"\0")
    return whole.hexdigest()


def _cached(folder: Path | None, digest: str) -> RuleBook | None:
    if folder is None:
        return None
    try:
        return msgspec.msgpack.decode((folder / f"book-{digest}.msgpack").read_bytes(), type=RuleBook)
    except (OSError, msgspec.DecodeError):
        return None


def _keep(folder: Path | None, book: RuleBook) -> None:
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"book-{book.digest}.partial"
        partial.write_bytes(msgspec.msgpack.encode(book))
        partial.replace(folder / f"book-{book.digest}.msgpack")
    except OSError:
        return
