"""Who gets which key, and that it is read again."""

from __future__ import annotations

from pathlib import Path

import pytest

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.core.settings import ModelSettings
from sre_orchestrator.plugins.models.openai.address import read_address
from sre_orchestrator.plugins.models.openai.keys import Keys

KEY = "sk-not-a-key-0123456789"
VARIABLE = {"OPENAI_API_KEY": KEY}
AZURE = "https://acme.openai.azure.com/openai/deployments/small?api-version=2024-10-21"


def sent(base_url: str, environment: dict[str, str], **settings: object) -> dict[str, str]:
    model = ModelSettings(**settings)
    return Keys(model, read_address(base_url), environment).headers()


@pytest.mark.parametrize("base_url", ["", "https://models.example.com/v1"])
def test_the_key_of_the_environment_is_sent_over_tls(base_url: str) -> None:
    assert sent(base_url, VARIABLE) == {"authorization": f"Bearer {KEY}"}


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:8000/v1", "http://vllm.models.svc/v1"])
def test_the_key_of_the_environment_is_not_sent_in_plain_text(base_url: str) -> None:
    assert sent(base_url, VARIABLE) == {}


def test_a_file_comes_before_the_environment_and_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("first\n")
    keys = Keys(ModelSettings(api_key_file=str(file)), read_address("http://10.0.0.1/v1"), VARIABLE)
    before = keys.headers()
    file.write_text("second")

    assert [before, keys.headers()] == [{"authorization": "Bearer first"}, {"authorization": "Bearer second"}]


def test_azure_has_a_header_of_its_own() -> None:
    assert sent(AZURE, VARIABLE) == {"api-key": KEY}


def test_headers_of_the_settings_come_first() -> None:
    found = sent("", VARIABLE, headers={"Authorization": "Token abc", "X-Team": "sre"})

    assert found == {"authorization": "Token abc", "x-team": "sre"}


@pytest.mark.parametrize("base_url", ["", AZURE])
def test_a_service_that_wants_a_key_is_not_opened_without(base_url: str) -> None:
    with pytest.raises(InputError, match=r"wants a key; name its file, or set OPENAI_API_KEY"):
        sent(base_url, {})


def test_a_key_may_be_in_a_header() -> None:
    assert sent(AZURE, {}, headers={"Api-Key": KEY}) == {"api-key": KEY}


@pytest.mark.parametrize("content", [b"", b"  \n", b"two words", b"sk-\xc3\xa9", b"\xff\xfe", b"sk-a\nX-Other: b"])
def test_a_file_without_a_key_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)

    with pytest.raises(InputError, match=r"model.api_key_file .*key: (holds no key|cannot be read)") as raised:
        sent("http://localhost/v1", {}, api_key_file=str(file))

    assert "X-Other" not in str(raised.value)


def test_a_file_that_is_absent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        sent("http://localhost/v1", {}, api_key_file=str(tmp_path / "absent"))


@pytest.mark.parametrize("headers", [{"": "x"}, {"X Team": "sre"}, {"X-Team": "a\r\nb"}, {"X-Team": "é"}])
def test_headers_that_cannot_be_sent_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(InputError, match=r"model.headers"):
        sent("http://localhost/v1", {}, headers=headers)
