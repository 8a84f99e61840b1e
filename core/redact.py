"""Removes secrets from text before it becomes the value of a fact."""

from __future__ import annotations

import re

MASK = "***"
_NAMED = (
    r"(?:password|passwd|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|private[_-]?key"
    r"|client[_-]?key(?:[_-]?data)?|credentials?)\\?[\"']?\s*[=:]\s*\\?+"
)
_BEFORE = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf]))"  # a word begins, also after an escape of JSON


def _made(hints: str, pattern: str) -> tuple[tuple[str, ...], re.Pattern[str]]:
    """Return what texts with one of ``hints`` in them (in small letters) are searched for."""
    return tuple(hints.split()), re.compile(pattern, re.ASCII)


# Every pattern is linear: it starts at a fixed word, and no two starts read the same text. Its first group stays.
_SECRETS = (
    # "Basic authentication" is prose; a credential has a digit, a sign or mixed case
    _made(
        "bearer basic",
        r"(?i)(\b(?:bearer|basic)\s+)(?=[\w.~+/=-]*?(?:[\d=+/]|(?-i:[a-z][A-Z])))([\w.~+/=-]{8,})",
    ),
    _made("pass pwd secret token key credential", rf"(?i)({_NAMED}(?P<quote>[\"']))[^\n]+?(?=\\?(?P=quote))"),
    _made(
        "pass pwd secret token key credential",
        rf"(?i)({_NAMED})(?!\*\*\*(?:[\s\"',;&]|\Z))[^\s\"',;&]{{3,}}",
    ),
    _made("://", r"(?i)((?<=[a-z0-9+.-])://[^\s:/@]*:)[^\s/]+(?=@)"),
    _made("begin", r"(?s)(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?=-----END|\Z)"),
    _made("auth", r"([\"']auth\\?[\"']\s*:\s*\\?[\"'])[A-Za-z0-9+/=]{8,}"),  # of a .dockerconfigjson
    # what is read before the value is not given back (`?+`), else an escape before a mask would be masked with it
    _made("cookie", r"(?i)(\bcookie\\?[\"']?:\s*+\\?+[\"']?+)(?!\*\*\*(?:[\n\"']|\Z))[^\s\"'][^\n\"']{2,}"),
    _made("sig=", r"(?i)([?&]sig=)[\w%+/=-]{16,}"),  # of Azure's signed addresses
    # What tokens of known makers begin with; nobody writes such words otherwise.
    _made("ghp_ gho_ ghu_ ghs_ ghr_ hub_pat_", r"()(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})"),
    _made(
        "glpat gldt glft glso glrt glcb glim glpt gloa glag",
        r"()gl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|oas|agent)-[\w-]{20,}",
    ),
    _made("glsa_ glc_", r"()gl(?:sa|c)_\w{20,}"),  # Grafana
    _made("xox xapp", r"()(?:xox[abeoprs]-[\w-]{10,}|xapp-\d-[\w-]{10,})"),
    _made("hooks.slack.com", r"(hooks\.slack\.com/services/)[\w/]{20,}"),
    _made("k_live k_test whsec", r"()(?:[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[\w+/=]{16,})"),  # Stripe, webhooks
    _made("aiza ya29. gocspx", r"()(?:AIza[\w-]{35}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,})"),  # Google
    _made("npm_ pypi-ag", r"()(?:npm_[A-Za-z0-9]{36}|pypi-Ag[\w-]{50,})"),
    _made("dckr_ akcp", r"()(?:dckr_pat_[\w-]{20,}|AKCp[A-Za-z0-9]{10,})"),  # Docker Hub, Artifactory
    _made("hvs. hvb. hvr. age-", r"()(?:hv[sbr]\.[\w-]{20,}|AGE-SECRET-KEY-1[0-9A-Z]{58})"),  # Vault
    _made("atatt3 dapi _v1_", r"()(?:ATATT3[\w=-]{50,}|dapi[0-9a-f]{32}|do[opr]_v1_[0-9a-f]{64})"),
    _made("hf_ sg. nrak-", r"()(?:hf_[A-Za-z0-9]{30,}|SG\.[\w-]{22}\.[\w-]{43}|NRAK-[A-Z0-9]{27})"),
    _made("shp", r"()shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),  # Shopify
    _made("8q~", r"((?<=[\w~.-]{3}))8Q~[\w~.-]{31,34}"),  # applications in Entra ID
    _made("ls0tls1c", r"()LS0tLS1CRUdJTi(?!BDRVJU)[A-Za-z0-9+/=]{20,}"),  # base64 of PEM; certificates are public
    _made("eyjhdxro", r"()eyJhdXRocyI6[A-Za-z0-9+/=]{8,}"),  # base64 of {"auths": in a .dockerconfigjson
    _made("eyj", rf"(){_BEFORE}eyJ[\w-]{{10,}}\.[\w-]{{10,}}\.[\w-]*"),  # JSON Web Tokens, of service accounts too
    _made("akia asia abia acca", rf"(){_BEFORE}(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{{16}}(?![A-Za-z0-9])"),  # AWS
    _made("sk-", rf"(){_BEFORE}sk-(?:proj-|ant-)?[\w-]{{20,}}"),  # OpenAI, Anthropic
    # bootstrap tokens, of which the first part is no secret
    _made(".", rf"((?<={_BEFORE}[a-z0-9]{{6}})\.)(?=[a-z]*\d)(?=\d*[a-z])[a-z0-9]{{16}}(?![\w.-])"),
)
_HINTS = tuple(dict.fromkeys(hint for hints, _ in _SECRETS for hint in hints if hint != "."))
_BOOTSTRAP = _SECRETS[-1][1]


def without_secrets(text: str) -> str:
    """Return ``text`` with passwords, tokens, keys and URL credentials replaced by ``***``.

    >>> without_secrets("postgres://app:hunter2@db:5432/shop password=abcdef")
    'postgres://app:***@db:5432/shop password=***'
    """
    small = text.lower()
    if not _hinted(small) and not _BOOTSTRAP.search(text):
        return text
    # a mask may let another pattern see more, so it goes on until nothing is left; each time there is less that is no mask
    while (masked := _masked(text, small)) != text:
        text = masked
    return text


def _masked(text: str, small: str) -> str:
    for hints, pattern in _SECRETS:
        if any(hint in small for hint in hints):
            text = pattern.sub(rf"\g<1>{MASK}", text)
    return text


def _hinted(small: str) -> bool:
    for hint in _HINTS:  # noqa: SIM110 - a generator takes thrice as long, and most texts are short
        if hint in small:
            return True
    return False
