"""Words of many languages as patterns, and what they say: symptoms, HTTP codes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources

from sre_orchestrator.core.documents import read_yaml
from sre_orchestrator.core.models import Struct

MOST_CHARACTERS = 10_000
UNSPACED = "\u1100"  # from here on are scripts that put no spaces between words
STATUSES = frozenset({*range(400, 419), *range(421, 432), 451, 499, *range(500, 512), *range(520, 531)})
GONE = frozenset({"502", "503", "504"})
CODE = re.compile(
    r"(?:(?<![a-z0-9_.:/#$+-])|(?<=[0-9x]/))(http[ /-]?(?:status |code |error )?)?([45](?:xx|[0-9]{2}))(?![a-z0-9_:]|[.,][0-9])"
)
TOGETHER = 3  # words
WORD = re.compile(r"[^\W_]+")
NOT_BEFORE = re.compile(r"(?:port|ports|line|zeile|pid|id|puerto|porta|poort)[\s:=]*$")


class Terms(Struct, frozen=True, kw_only=True):
    """``terms.yaml``."""

    symptoms: Mapping[str, Mapping[str, str]]
    meanings: Mapping[str, str]
    nouns: str
    counted: str


def fold(text: str) -> str:
    """Return the beginning of ``text``, with one spelling of letters and digits that look alike, in lower case."""
    return unicodedata.normalize("NFKC", text[:MOST_CHARACTERS]).casefold()


def either(words: str | Iterable[str], *, glued: bool = False) -> str:
    """Return a pattern for one of ``words``: ``_`` is a space, ``*`` ends a word in any way.

    Whole words are meant; the first letter may follow a digit where they may be ``glued`` to it.
    """
    listed = words.split() if isinstance(words, str) else words
    folded = sorted({unicodedata.normalize("NFKC", one).casefold() for one in listed}, key=lambda one: (-len(one), one))
    return f"(?:{'|'.join(_pattern(one, glued=glued) for one in folded)})"


def _pattern(word: str, *, glued: bool) -> str:
    body = re.escape(word).replace(r"\*", r"\w*").replace("_", r"[\s-]{1,2}").replace(r"\?", r"\w")
    if word[0] >= UNSPACED:
        return body
    before = r"(?<![^\W\d_])" if glued else r"(?<!\w)"
    return before + body + (r"(?!\w)" if word[-1].isalnum() or word[-1] in "*?" else "")


class Lexicon:
    """Finds what words mean, in one pass; ``*`` ends a word in any way, ``_`` joins words."""

    def __init__(self, entries: Iterable[tuple[str, str]]) -> None:
        self._whole: dict[str, list[str]] = {}
        self._begun: dict[str, list[str]] = {}
        self._inside: list[tuple[str, str]] = []
        for meaning, words in entries:
            for word in fold(words).split():
                if word[0] >= UNSPACED:
                    self._inside.append((word.rstrip("*").replace("_", " "), meaning))
                else:
                    held = self._begun if word.endswith("*") else self._whole
                    held.setdefault("_".join(WORD.findall(word)), []).append(meaning)
        self._longest = max(map(len, self._begun), default=0)

    def find(self, folded: str) -> tuple[str, ...]:
        """Return what is meant, each once, as it comes."""
        found: dict[str, None] = {}
        words = WORD.findall(folded)
        for place in range(len(words)):
            for joined in range(1, TOGETHER + 1):
                gram = "_".join(words[place : place + joined])
                found |= dict.fromkeys(self._whole.get(gram, ()))
                for length in range(1, min(len(gram), self._longest) + 1):
                    found |= dict.fromkeys(self._begun.get(gram[:length], ()))
        return tuple(found | dict.fromkeys(meaning for word, meaning in self._inside if word in folded))


def table(name: str) -> bytes:
    """Return a file of this package."""
    return resources.files(__package__).joinpath(name).read_bytes()


@cache
def terms() -> Terms:
    """Return the words."""
    return read_yaml(table("terms.yaml"), Terms)


@cache
def _symptoms() -> Lexicon:
    return Lexicon((name, " ".join(by_language.values())) for name, by_language in terms().symptoms.items())


@cache
def _counted() -> re.Pattern[str]:
    return re.compile(rf"\s{{0,2}}{either(terms().counted, glued=True)}")


def symptoms(text: str) -> tuple[str, ...]:
    """Return the symptom classes that the words of ``text`` imply.

    >>> symptoms("la caisse est lente, elle répond 503")
    ('unavailable', 'errors', 'slow')
    """
    found, codes = set(_symptoms().find(fold(text))), http_codes(text)
    found |= {"errors"} if codes else set()
    found |= {"unavailable"} if GONE.intersection(codes) else set()
    return tuple(name for name in terms().symptoms if name in found)


def http_codes(text: str) -> tuple[str, ...]:
    """Return the HTTP codes of failures in ``text``: no ports, and nothing that is counted or measured.

    >>> http_codes("port 443 answers HTTP 503 and 5xx, 500 pods, 450 ms")
    ('503', '5xx')
    """
    folded = fold(text)
    return tuple(dict.fromkeys(found[2] for found in CODE.finditer(folded) if _is_code(folded, found)))


def _is_code(text: str, found: re.Match[str]) -> bool:
    if found[1] or found[2].endswith("xx"):
        return True
    if NOT_BEFORE.search(text[max(0, found.start() - 12) : found.start()]) or int(found[2]) not in STATUSES:
        return False
    return not _counted().match(text, found.end())
