"""Pseudonyms for what names a customer's things, one for each name and the same all incident long; and their way back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise

from sre_orchestrator.core.language.addresses import IPV4, IPV6, Addresses
from sre_orchestrator.core.language.generic import ENDINGS
from sre_orchestrator.core.language.names import APPENDED, Names, names_in, names_of
from sre_orchestrator.core.models import Component, Fact, Incident
from sre_orchestrator.core.redact import MASK, without_secrets

KINDS = {
    "app": "names",
    "ns": "names",
    "node": "names",
    "volume": "names",
    "cluster": "names",
    "host": "hosts",
    "user": "users",
    "repo": "repositories",
    "res": "resources",
    "text": "texts",
}
"""The words that pseudonyms begin with, and what a report of what was masked calls them."""
_WORDS = "|".join(form for word in KINDS for form in (word, word.capitalize(), word.upper()))
_CAPITALISED = "|".join(word.capitalize() for word in KINDS)
# A hyphen may come back as one that does not break.
_PSEUDONYM = re.compile(
    rf"(?:(?<![A-Za-z0-9])(?:{_WORDS})|(?<=[a-z0-9])(?:{_CAPITALISED}))[-\u2010\u2011]\d++",
    re.ASCII,
)
_HYPHEN = re.compile(r"[\u2010\u2011]")
_ESCAPED_HYPHEN = re.compile(r"(?<=[A-Za-z])\\u(?:002[dD]|201[01])(?=\d)")
_ESCAPE = re.compile(r"\\++(?:u[0-9a-fA-F]{4}|[nrtbf\"/])?")
_UUID = r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])"
_ACCOUNT = r"(?<![0-9A-Za-z])0000\d{8}(?![0-9A-Za-z])"
# Each begins where a run of its signs does, and takes the whole run: no text is read twice.
_SHAPES = re.compile(
    rf"(?P<arn>(?<![\w:])arn:aws[\w-]{{0,16}}:[\w-]{{0,32}}:[\w-]{{0,32}}:(?:\d{{12}})?:[\w+=,.@:/*-]*+)"
    rf"|(?P<login>(?<=://)[^\s/:@\"'\\]{{1,64}}(?=(?::[^\s/@]{{0,64}})?@))"
    rf"|(?P<mail>(?<![\w.+-])[\w.+-]++@(?!sha\d)[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)*+)"
    rf"|(?P<uuid>{_UUID})"
    rf"|(?P<host>(?<=://)[A-Za-z0-9][\w.-]*+|(?<=\*@)[A-Za-z0-9][\w.-]*+)"
    rf"|(?P<six>{IPV6.pattern})"
    rf"|(?P<dotted>(?<![\w.-])[\w-]*+\.[\w.-]++)"
    rf"|(?P<account>{_ACCOUNT})",
    re.ASCII,
)
_BACK = re.compile(
    rf"{_PSEUDONYM.pattern}|{_UUID}|{IPV6.pattern}|(?<![\d.])\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?!\w|\.\d)|{_ACCOUNT}",
    re.ASCII,
)
_PATH = re.compile(r"(?::\d{1,5})?(?:/[\w.-]{1,128}){1,6}+(?=:\w|@sha256:)", re.ASCII)
_RUN = re.compile(r"[A-Za-z0-9]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_REGION = re.compile(r"[a-z]{2}-[a-z]+-\d[a-z]?")
_ACCOUNT_DIGITS = 12


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


_SPELLINGS: tuple[Callable[[str], str], ...] = (str, _capitalised, str.upper)


class Pseudonyms:
    """Disguises texts of one incident: names that are known, and what the shape of a text shows to be one.

    What is hidden is restored exactly. Kinds of objects, terms of Kubernetes, ``terms`` (kinds of facts, causes),
    numbers and times stay.
    """

    def __init__(self, names: Mapping[str, str], terms: Iterable[str] = ()) -> None:
        self._names = Names(terms)
        self._words: dict[str, str] = {}
        self._add(names)
        self._addresses = Addresses()
        self._given: dict[tuple[str, str], str] = {}
        self._meant: dict[str, str] = {}
        self._last: Counter[str] = Counter()
        self._masked: Counter[str] = Counter()
        self._changes: dict[str, Callable[[str], str]] = {
            "arn": self._arn,
            "login": lambda spelled: self._part(spelled, "user"),
            "mail": self._mail,
            "uuid": lambda spelled: self._numbered("uuid", spelled, "00000000-0000-4000-8000-{:012d}", "ids"),
            "six": self._address,
            "account": self._account,
        }

    def learn(self, facts: Iterable[Fact]) -> None:
        """Hide from now on what facts name, too: what is missing is in no twin."""
        self._add(names_of(facts))

    def hide(self, text: str) -> str:
        """Return ``text`` without secrets and with pseudonyms."""
        clean = without_secrets(text)
        self._masked["secrets"] += max(clean.count(MASK) - text.count(MASK), 0)
        self._addresses.see(clean)
        hidden = _between_escapes(clean, self._hidden, self._names_at)
        # What does not come back as it was is not told: a text made to look like pseudonyms, at borders of its own.
        return hidden if self.restore(hidden) == clean else self._called("text", clean, "text")

    def restore(self, text: str) -> str:
        """Return ``text`` with the names again; what is no pseudonym stays."""
        text = _ESCAPED_HYPHEN.sub("-", text)
        return _between_escapes(text, lambda part: _BACK.sub(self._restored, part), self._given_at)

    def masked(self) -> dict[str, int]:
        """Return how often each kind of thing was masked until now; it holds no value."""
        return {kind: count for kind, count in sorted(self._masked.items()) if count}

    def _add(self, names: Mapping[str, str]) -> None:
        for name, word in names.items():
            if self._names.whole(name) is None and not self._belonging(name):
                self._words[name.lower()] = word
                self._names.add(name)

    def _belonging(self, name: str) -> str | None:
        """Return the known name that ``name`` is, but for what Kubernetes appends; empty for a kept term."""
        found = self._names.at(name, 0)
        return found[1] if found and APPENDED.fullmatch(name, found[0]) else None

    def _names_at(self, text: str, start: int) -> bool:
        found = self._names.at(text, start)
        return bool(found and found[1])

    def _given_at(self, text: str, start: int) -> bool:
        match = _PSEUDONYM.match(text, start)
        return match is not None and match[0].lower() in self._meant

    def _hidden(self, text: str) -> str:
        """Return a piece of text without escapes, disguised."""
        pieces, done = [], 0
        for match in _SHAPES.finditer(text):
            if match.start() < done:
                continue
            pieces.append(self._named(text[done : match.start()]))
            piece, done = self._shape(match)
            pieces.append(piece)
        return "".join((*pieces, self._named(text[done:])))

    def _shape(self, match: re.Match[str]) -> tuple[str, int]:
        """Return what is told instead of what has a shape, and where that ends."""
        change = self._changes.get(match.lastgroup or "")
        if change:
            return change(match[0]), match.end()
        if match.lastgroup == "host" and not IPV4.search(match[0]):
            return self._host(match[0]), match.end()
        return self._dotted(match)

    def _dotted(self, match: re.Match[str]) -> tuple[str, int]:
        """Return a host, addresses, or words with dots between them, disguised."""
        spelled = match[0]
        bare = spelled.strip(".-_")
        if IPV4.search(spelled):
            pieces, done = [], 0
            for address in IPV4.finditer(spelled):
                pieces += [self._named(spelled[done : address.start()]), self._address(address[0])]
                done = address.end()
            return "".join((*pieces, self._named(spelled[done:]))), match.end()
        if bare.rpartition(".")[2].lower() not in ENDINGS or "." not in bare:
            return self._named(spelled), match.end()
        before, _, after = spelled.partition(bare)
        host = before + self._host(bare) + after
        path = None if after else _PATH.match(match.string, match.end())
        if not path:  # it is no image
            return host, match.end()
        port, *parts = path[0].split("/")
        return "/".join((host + port, *(self._part(part, "repo") for part in parts))), path.end()

    def _mail(self, spelled: str) -> str:
        local, _, domain = spelled.partition("@")
        return f"{self._part(local, 'user')}@{self._host(domain)}"

    def _host(self, spelled: str) -> str:
        """Return a host label by label, so that hosts of one domain still are."""
        if self._names.whole(spelled):
            return self._named(spelled)
        return ".".join(self._label(label) for label in spelled.split("."))

    def _label(self, label: str) -> str:
        if label.isdigit():
            return self._account(label) if len(label) == _ACCOUNT_DIGITS else label
        low = label.lower()
        return label if low in ENDINGS or _REGION.fullmatch(low) else self._part(label, "host")

    def _arn(self, spelled: str) -> str:
        *head, account, resource = spelled.split(":", 5)
        pieces = re.split(r"([:/,=@*]+)", resource)
        told = "".join(one if place % 2 else self._part(one, "res") for place, one in enumerate(pieces))
        return ":".join((*head, account and self._account(account), told))

    def _part(self, spelled: str, word: str) -> str:
        """Return a part of an address: that of a known name, itself if it names nobody, else a pseudonym of its own."""
        if not spelled or spelled == MASK:
            return spelled
        if self._names.whole(spelled) is not None or self._belonging(spelled) is not None:
            return self._named(spelled)
        return self._called(spelled.lower(), spelled, word)

    def _account(self, spelled: str) -> str:
        return self._numbered("account", spelled, "0000{:08d}", "accounts")

    def _address(self, spelled: str) -> str:
        key = ("address", spelled)
        if key not in self._given:
            pseudonym = self._addresses.pseudonym(spelled)
            if pseudonym is None:
                return spelled
            self._give(key, pseudonym, spelled)
        self._masked["addresses"] += 1
        return self._given[key]

    def _numbered(self, kind: str, spelled: str, form: str, counted: str) -> str:
        key = (kind, spelled)
        if key not in self._given:
            self._last[kind] += 1
            self._give(key, form.format(self._last[kind]), spelled)
        self._masked[counted] += 1
        return self._given[key]

    def _named(self, text: str) -> str:
        """Return text with pseudonyms for the names in it, the longest first."""
        return "".join(self._pieces(text))

    def _pieces(self, text: str) -> Iterator[str]:
        done = 0
        while run := _RUN.search(text, done):
            yield text[done : run.start()]
            found = self._names.at(text, run.start())
            if found and not (found[1] == "" and _PSEUDONYM.match(text, run.start())):
                done = found[0]
                spelled = text[run.start() : done]
                yield self._called(found[1], spelled, "app") if found[1] else spelled
            else:
                piece, done = self._humps(text, run)
                yield piece
        yield text[done:]

    def _humps(self, text: str, run: re.Match[str]) -> tuple[str, int]:
        """Return a word that is no name: ``CartService`` holds one, and what looks like a pseudonym becomes one."""
        borders = [run.start(), *(one.start() for one in _HUMP.finditer(text, *run.span())), run.end()]
        pieces: list[str] = []
        for start, end in pairwise(borders):
            if match := _PSEUDONYM.match(text, start):
                return "".join((*pieces, self._called(match[0].lower(), match[0], "app"))), match.end()
            piece = text[start:end]
            name = self._names.whole(piece) if len(borders) > 2 else None  # noqa: PLR2004 - one hump is the word itself
            pieces.append(self._called(name, piece, "app") if name else piece)
        return "".join(pieces), run.end()

    def _called(self, name: str, spelled: str, word: str) -> str:
        """Return the pseudonym of a name, spelled as the name is: small, Capitalised or CAPITAL."""
        word = self._words.get(name, word)
        spelling = next((one for one in _SPELLINGS if one(name) == spelled), None)
        key = ("name", name) if spelling else ("spelled", spelled)
        if key not in self._given:
            self._give(key, self._new(word), name if spelling else spelled)
        self._masked[KINDS[word]] += 1
        return (spelling or str)(self._given[key])

    def _new(self, word: str) -> str:
        """Return a pseudonym that nothing in the cluster is called."""
        while True:
            self._last[word] += 1
            pseudonym = f"{word}-{self._last[word]}"
            if not self._names.whole(pseudonym):
                return pseudonym

    def _give(self, key: tuple[str, str], pseudonym: str, meant: str) -> None:
        self._given[key] = pseudonym
        self._meant[pseudonym] = meant

    def _restored(self, match: re.Match[str]) -> str:
        """Return what a pseudonym stands for, spelled as it is."""
        told = _HYPHEN.sub("-", match[0])
        meant = self._meant.get(told.lower())
        if meant is None:
            return match[0]
        spelling = next((one for one in _SPELLINGS if one(told.lower()) == told), str)
        return spelling(meant)


def _between_escapes(text: str, change: Callable[[str], str], begins: Callable[[str, int], bool]) -> str:
    r"""Change what is between the escapes of JSON: in ``\ncart`` a name begins after the ``n``, if none ``begins`` with it."""
    pieces, done = [], 0
    for match in _ESCAPE.finditer(text):
        letter = match.start() + match[0].count("\\")
        end = letter if letter < match.end() and begins(text, letter) else match.end()
        pieces += [change(text[done : match.start()]), text[match.start() : end]]
        done = end
    return "".join((*pieces, change(text[done:])))


def pseudonyms_for(components: Iterable[Component], incident: Incident, terms: Iterable[str] = ()) -> Pseudonyms:
    """Return the disguise of one incident: the names of its cluster have pseudonyms, ``terms`` stay."""
    return Pseudonyms(names_in(components, incident), terms)
