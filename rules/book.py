"""The rule book: every rule and cause of the installation, read once and cached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePath

import msgspec

from sre_orchestrator.core.cache import digest_of, remember, remembered
from sre_orchestrator.core.documents import line_of
from sre_orchestrator.core.errors import RuleError
from sre_orchestrator.core.knowledge import RuleText
from sre_orchestrator.core.models import Cause, Struct
from sre_orchestrator.core.vocabulary import Vocabulary
from sre_orchestrator.rules.catalogue import read_causes, yaml_files
from sre_orchestrator.rules.check import check_rule
from sre_orchestrator.rules.engine import Plan
from sre_orchestrator.rules.model import Case, Rule
from sre_orchestrator.rules.reader import Problem, read_rule
from sre_orchestrator.rules.stratify import stratify
from sre_orchestrator.rules.texts import own_id, place_of, read_text_rule

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
    "helm",
)
FORMAT = 2


class RuleBook(Struct, frozen=True, kw_only=True):
    """Checked rules and causes; ``problems`` names the third-party files that were refused, ``refused`` rules of runbooks."""

    digest: str
    rules: tuple[Rule, ...]
    causes: dict[str, Cause]
    problems: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def compile(self, engine: str = "semi-naive") -> Plan:
        """Return the plan that ``engine`` runs (``settings.engine``).

        Raises:
            SettingsError: the engine is not installed.

        """
        if engine == "durable-rules":
            from sre_orchestrator.rules.durable_plan import DurablePlan  # noqa: PLC0415 - most never use it

            return DurablePlan(self.rules, self.causes, self.digest)
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
    texts: Sequence[RuleText] = (),
    cache: Path | None = None,
) -> RuleBook:
    """Load the built-in book and what ``rule_folders``, ``cause_folders`` and ``texts`` (rules of runbooks) add.

    What a third party adds and cannot be used is refused and named in ``problems``: a folder that
    cannot be read, a bad file, an id that is taken, a rule that closes a negation cycle. Of texts, rules are also
    refused that fail their tests, or whose id another document, earlier by its address, has given. With ``cache`` (a folder), checked rules are kept there by the digest of all files; a cache that
    cannot be read or written only costs time.

    Raises:
        RuleError: a built-in file is bad, or the built-in book has a negation cycle.

    """
    problems: list[str] = []
    catalogues = [
        *(yaml_files(folder) for folder in builtin_causes()),
        *(_files(folder, problems) for folder in cause_folders),
    ]
    own = [file for folder in builtin_rules() for file in yaml_files(folder)]
    foreign = [file for folder in rule_folders for file in _files(folder, problems)]
    everything = [*(file for catalogue in catalogues for file in catalogue), *own, *foreign]
    written = sorted(texts, key=lambda one: place_of(one.origin))
    everything += [(one.origin, one.text.encode()) for one in written]
    digest = _digest([*everything, *(("problem", problem.encode()) for problem in problems)], vocabulary)
    known = remembered(cache, f"book-{digest}", RuleBook)
    if known is not None:
        return known
    causes = _causes(catalogues, len(builtin_causes()), problems)
    rules = _rules(own, foreign, problems, vocabulary, causes)
    refused: list[str] = []
    rules = _with_texts(rules, written, refused, vocabulary, causes)
    book = RuleBook(digest=digest, rules=rules, causes=causes, problems=tuple(problems), refused=tuple(refused))
    remember(cache, f"book-{digest}", book)
    return book


def _causes(catalogues: Iterable[Sequence[tuple[str, bytes]]], builtin: int, problems: list[str]) -> dict[str, Cause]:
    causes: dict[str, Cause] = {}
    for number, catalogue in enumerate(catalogues):
        try:
            causes = read_causes(catalogue, causes)
        except RuleError as error:
            if number < builtin:
                raise
            problems.append(str(error))
    return causes


def _rules(
    own: Iterable[tuple[str, bytes]],
    foreign: Iterable[tuple[str, bytes]],
    problems: list[str],
    vocabulary: Vocabulary,
    causes: dict[str, Cause],
) -> tuple[Rule, ...]:
    rules: dict[str, Rule] = {}
    for path, text in own:
        rule = _new(read_checked(text, path, vocabulary, causes)[0], rules)
        rules[rule.id] = rule
    stratify(tuple(rules.values()))
    for path, text in foreign:
        try:
            rule = _new(read_checked(text, path, vocabulary, causes)[0], rules)
            stratify((*rules.values(), rule))
            rules[rule.id] = rule
        except RuleError as error:
            problems.append(str(error))
    return tuple(rules[name] for name in sorted(rules))


def _with_texts(
    rules: tuple[Rule, ...],
    texts: Iterable[RuleText],
    refused: list[str],
    vocabulary: Vocabulary,
    causes: Mapping[str, Cause],
) -> tuple[Rule, ...]:
    known = {rule.id: rule for rule in rules}
    given: dict[str, Rule] = {}
    for one in texts:
        try:
            rule = read_text_rule(one, vocabulary, causes, tuple(known.values()))
            _new(msgspec.structs.replace(rule, id=own_id(rule)), given)
            stratify((*known.values(), _new(rule, known)))
        except RuleError as error:
            refused.append(str(error))
        else:
            given[own_id(rule)] = known[rule.id] = rule
    return tuple(known[name] for name in sorted(known))


def _files(folder: Traversable, problems: list[str]) -> list[tuple[str, bytes]]:
    try:
        return yaml_files(folder)
    except RuleError as error:
        problems.append(str(error))
        return []


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


def _new(rule: Rule, known: Mapping[str, Rule]) -> Rule:
    if rule.id in known:
        raise RuleError(f"{rule.path}: rule id {rule.id!r} is also in {known[rule.id].path}; rename one of them")
    return rule


def _digest(contents: Iterable[tuple[str, bytes]], vocabulary: Vocabulary) -> str:
    about = msgspec.msgpack.encode((FORMAT, version("sre-orchestrator"), vocabulary.kinds), order="sorted")
    return digest_of([about, *(part for path, text in contents for part in (PurePath(path).name.encode(), text))])
