"""The key of a server, and other headers: read at each use, and never part of a message."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import ModelSettings
from sre_orchestrator.plugins.models.openai.address import Address

VARIABLE = "OPENAI_API_KEY"
NAMES = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
CARRY_KEYS = {"authorization", "api-key"}


class Keys:
    """Says who asks: the key of a file, else of the variable ``OPENAI_API_KEY``, which goes over TLS only.

    Raises:
        InputError: the file cannot be read, a header cannot be sent, or there is no key for a service that wants one.

    """

    def __init__(self, settings: ModelSettings, address: Address, environment: Mapping[str, str]) -> None:
        self._file = settings.api_key_file
        self._environment = environment
        self._address = address
        self._headers = dict(settings.headers)
        for name, value in self._headers.items():
            if not name or set(name) - set(NAMES) or not _sendable(value):
                raise InputError("model.headers: one of them cannot be sent; take letters, digits and signs of ASCII")
        if address.hosted and not self.headers().keys() & CARRY_KEYS:
            raise InputError(f"model.api_key_file: {address.url} wants a key; name its file, or set {VARIABLE}")

    def headers(self) -> dict[str, str]:
        """Return what is sent beside a request, in names of lower case.

        Raises:
            InputError: the file cannot be read, or holds no key.

        """
        given = {name.lower(): value for name, value in self._headers.items()}
        key = self._key()
        if not key:
            return given
        own = {"api-key": key} if self._address.azure else {"authorization": f"Bearer {key}"}
        return own | given

    def _key(self) -> str:
        if not self._file:
            key = self._environment.get(VARIABLE, "").strip() if self._address.encrypted else ""
            where = VARIABLE
        else:
            where = f"model.api_key_file {self._file}"
            try:
                key = Path(self._file).expanduser().read_text(encoding="utf-8").strip()
            except (OSError, UnicodeError) as error:
                why = getattr(error, "strerror", None) or "it is no text"
                raise InputError(f"{where}: cannot be read: {why}") from None
        if (self._file and not key) or not _sendable(key) or any(one.isspace() for one in key):
            raise InputError(f"{where}: holds no key; write the key into it, and nothing else")
        return key


def _sendable(value: str) -> bool:
    return value.isascii() and (value.isprintable() or not value)
