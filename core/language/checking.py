"""Whether a sentence of a model says what the facts say that it cites; what cannot be told is taken for no.

Meaning is not checked, only what could mislead: names and numbers from nowhere, another cause, a denial, and advice that
is not the report's. The words of advice are those of the languages that incidents are read in; a list is never whole, so
nothing in a narrative is ever acted on.
"""

from __future__ import annotations

import re
import unicodedata

from sre_orchestrator.core.language.advice import (
    ADVICE,
    ADVICE_ANYWHERE,
    ANSWERED,
    DENIALS,
    DENIALS_ANYWHERE,
    DESCRIBED,
    JOINING,
    ORDERED,
    PROGRAMS,
)
from sre_orchestrator.core.models import Struct

NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
NAME = re.compile(r"\b\w+(?:[-_./:]+\w+)+")  # begins where a word does, or a long word takes long
WORD = re.compile(r"\w+")
MIXED_CASE = re.compile(r"\b(?:[A-Z]+[a-z]+[A-Z]|[A-Z]{2,}[a-z]|[a-z]+[A-Z])\w*")
QUOTED = re.compile(r"[\"“”„«»]([^\"“”„«»]+)[\"“”„«»]")
ENDED = re.compile(r"[.!?](?:\s|$)|[。！？]")  # noqa: RUF001 - those are the signs
STRANGE = re.compile(r"[`<>|{}\[\]$\\^~]|://|(?:^|\s)--?\w|@\w+\.\w")
CITES = re.compile(r"\b(?:F\d+|f[0-9a-f]{12})\b")
SIGNS = ".,;:!?()'\"\u201c\u201d\u2013\u2014"
PHRASE = 3  # so many words that rules say, too, are theirs
REPEATED = 5  # so many words of a log line are no coincidence
SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")
COMMON = frozenset(
    {"kubernetes", "configmap", "configmaps", "statefulset", "daemonset", "replicaset", "cronjob", "networkpolicy"}
    | {"persistentvolumeclaim", "persistentvolume", "storageclass", "resourcequota", "limitrange", "serviceaccount"}
    | {"ingressclass", "endpointslice", "kib", "mib", "gib", "tib"}
)
DENYING = re.compile(r"\b(?:not|no|never|none|cannot|nothing|nobody|without|false|un\w+|in\w+able|fail\w*|miss\w*|refus\w*|denie\w*|reject\w*)\b")  # fmt: skip


class Grounds(Struct, frozen=True, kw_only=True):
    """What a sentence rests on.

    ``text`` is all that the cited facts and what they prove say, ``own`` what rules and causes say of them, ``others`` the
    names and titles of everything else in the report, ``steps`` the next steps of the report, ``observed`` what somebody
    else wrote of all that: log lines, messages.
    """

    text: str
    own: str = ""
    observed: str = ""
    others: frozenset[str] = frozenset()
    steps: tuple[str, ...] = ()


def complaint(sentence: str, grounds: Grounds) -> str:
    """Return why ``sentence`` cannot be used, or ``""``."""
    said, text = sentence.casefold(), grounds.text.casefold()
    if why := _form(sentence) or _foreign(sentence, text):
        return why
    if others := sorted(_mentioned(said, grounds.others) - _names(text) - _mentioned(text, grounds.others)):
        return f"the cited facts are not about {others[0]}"
    if _denies(said) and not DENYING.search(text):
        return "it denies what the facts say"
    if _advises(said, grounds):
        return "it advises what the report does not"
    return "it repeats what was logged or reported, and does not quote it" if _repeats(said, grounds.observed) else ""


def sentences(text: str) -> int:
    """Return how many sentences there are, at least.

    >>> sentences("One is 0.5. Two.")
    2
    """
    return len(ENDED.findall(text))


def _foreign(sentence: str, text: str) -> str:
    """Return what number, name or quotation is not in ``text``."""
    numbers, names = _numbers(text), _names(text)
    if strange := [one for one in NUMBER.findall(sentence) if _number(one) not in numbers]:
        return f"no cited fact has the number {strange[0]}"
    if strange := [one for one in _named(sentence) if one.casefold() not in names]:
        return f"no cited fact has the name {strange[0]}"
    if strange := [one for one in QUOTED.findall(sentence) if " ".join(one.casefold().split()) not in text]:
        return f"no cited fact says {strange[0]!r}"
    return ""


def _form(sentence: str) -> str:
    if not sentence.strip():
        return "it is empty"
    if any(unicodedata.category(letter)[0] == "C" for letter in sentence):
        return "it has invisible characters"
    if any(_mixed(word) for word in WORD.findall(sentence)):
        return "it mixes alphabets in a word"
    if CITES.search(sentence):
        return "it cites in its text"
    return "it has signs of code or an address" if STRANGE.search(sentence) else ""


def _repeats(said: str, observed: str) -> bool:
    """Say whether ``said`` is nothing but a quotation or, outside of quotations, in the words of a text that anybody may have written.

    Whatever its language, what is planted there is so never said as the program's own.
    """
    words = WORD.findall(QUOTED.sub(" \n ", said))
    size = min(REPEATED, len(words))
    known = f" {' '.join(WORD.findall(observed.casefold()))} "
    runs = (" ".join(words[start : start + size]) for start in range(len(words) - size + 1))
    return not words or any(f" {run} " in known for run in runs)


def _mixed(word: str) -> bool:
    scripts = {unicodedata.name(letter, "").partition(" ")[0] for letter in word if not letter.isascii()}
    scripts |= {"LATIN"} if any(letter.isascii() and letter.isalpha() for letter in word) else set()
    return len(scripts.intersection(SCRIPTS)) > 1


def _names(text: str) -> frozenset[str]:
    """Return every word and name of ``text``; of a path, also what it ends with.

    >>> sorted(_names("pod/shop/web-1"))
    ['1', 'pod', 'pod/shop/web-1', 'shop', 'shop/web-1', 'web', 'web-1']
    """
    found = set(WORD.findall(text))
    for name in NAME.findall(text):
        parts = name.split("/")
        found |= {"/".join(parts[start:]) for start in range(len(parts))} | set(parts)
    return frozenset(found)


def _named(sentence: str) -> list[str]:
    """Return what looks like a name: German compounds are words, and so are kinds of objects."""
    found = [one for one in NAME.findall(sentence) if not NUMBER.fullmatch(one) and not _compound(one)]
    found += MIXED_CASE.findall(sentence)
    return [one for one in found if one.casefold() not in COMMON]


def _compound(name: str) -> bool:
    return name.casefold() != name and not re.search(r"[_./:]", name)


def _mentioned(text: str, names: frozenset[str]) -> frozenset[str]:
    """Return which of ``names`` are in ``text``: a single word as a word, a title anywhere."""
    words = _names(text)
    return frozenset(one for one in names if one in words or (" " in one and one in text))


def _numbers(text: str) -> frozenset[str]:
    return frozenset(_number(one) for one in NUMBER.findall(text))


def _number(text: str) -> str:
    return text.replace(",", ".")


def _denies(said: str) -> bool:
    return not DENIALS.isdisjoint(WORD.findall(said)) or any(one in said for one in DENIALS_ANYWHERE)


def _advises(said: str, grounds: Grounds) -> bool:
    for step in grounds.steps:
        said = said.replace(step.casefold().rstrip("."), "")
    if any(one in said for one in ADVICE_ANYWHERE):
        return True
    said = DESCRIBED.sub(r"\1", _unsaid(said.split(), grounds).strip())
    words = frozenset(WORD.findall(said))
    return bool(words & (ADVICE | PROGRAMS) or ORDERED.search(said) or ANSWERED.search(said))


def _unsaid(words: list[str], grounds: Grounds) -> str:
    """Return what is said without the words that rules say just so, and nobody whose text was observed.

    They are those within a phrase. Its first word may be an order (*start the*, of *fails to start the*), and so may what
    follows a first word that joins (*to start the*); its last one may say what others shall (*that it should*).
    """
    own, bare, left = _phrases(grounds.own) - _phrases(grounds.observed), _bare(words), list(words)
    for start in range(len(words) - PHRASE + 1):
        if tuple(bare[start : start + PHRASE]) in own:
            for place, bound in ((start + 1, bare[start] not in JOINING), (start + 2, bare[start + 2] not in ADVICE)):
                if bound and bare[place] not in JOINING:
                    left[place] = words[place].replace(bare[place], "\u2026") if bare[place] else words[place]
    return " ".join(left)


def _bare(words: list[str]) -> list[str]:
    return [one.strip(SIGNS) for one in words]


def _phrases(text: str) -> frozenset[tuple[str, ...]]:
    lines = [_bare(line.casefold().split()) for line in text.splitlines()]
    return frozenset(tuple(line[start : start + PHRASE]) for line in lines for start in range(len(line) - PHRASE + 1))
