"""What may be an address, and what its form says."""

from __future__ import annotations

import pytest

from sre_orchestrator.core.errors import InputError
from sre_orchestrator.plugins.models.openai.address import Address, read_address

AZURE = "https://acme.openai.azure.com/openai/deployments/small"


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("", "https://api.openai.com/v1"),
        ("http://localhost:11434", "http://localhost:11434/v1"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("http://10.1.2.3:8000/v1", "http://10.1.2.3:8000/v1"),
        ("http://vllm:8000/v1", "http://vllm:8000/v1"),
        ("http://vllm.models.svc:8000/v1", "http://vllm.models.svc:8000/v1"),
        ("https://models.example.com/api/v1/chat/completions", "https://models.example.com/api/v1"),
        (" https://MODELS.example.com/v1\n", "https://models.example.com/v1"),
        (f"{AZURE}?api-version=2024-10-21", AZURE),
    ],
)
def test_an_address_is_read(given: str, url: str) -> None:
    assert read_address(given).url == url


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("models.example.com", "is no address of a web service"),
        ("ftp://models.example.com", "is no address of a web service"),
        ("https://", "is no address of a web service"),
        ("https://[::1", "is no address"),
        ("https://host:port/v1", "is no address"),
        ("http://models.example.com/v1", "without encryption"),
        ("http://8.8.8.8/v1", "without encryption"),
        ("http://0.0.0.0/v1", "without encryption"),
        ("http://127.0.0.1.example.com/v1", "without encryption"),
        ("https://me:secret@models.example.com/v1", "holds a name, a password"),
        ("https://models.example.com/v1#secret", "holds a name, a password"),
        ("https://models.example.com/v 1", "characters"),
        ("https://mödels.example.com/v1", "characters"),
        (AZURE, "a deployment without a version"),
    ],
)
def test_what_cannot_be_an_address_is_refused(given: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as raised:
        read_address(given)

    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "local"),
    [
        ("http://127.0.0.1:8000/v1", True),
        ("http://127.8.8.8/v1", True),
        ("http://[::1]/v1", True),
        ("https://localhost/v1", True),
        ("http://10.1.2.3/v1", False),
        ("http://model.localhost/v1", False),
        ("https://api.openai.com/v1", False),
    ],
)
def test_only_this_machine_is_local(given: str, local: bool) -> None:
    assert read_address(given).local is local


def test_a_deployment_of_azure_is_told_by_its_address() -> None:
    assert read_address(f"{AZURE}/chat/completions?api-version=2024-10-21") == Address(
        url=AZURE, query={"api-version": "2024-10-21"}, azure=True, hosted=True, encrypted=True
    )


def test_the_newer_addresses_of_azure_are_as_those_of_openai() -> None:
    address = read_address("https://acme.openai.azure.com/openai/v1/")

    assert (address.azure, address.hosted) == (False, True)


def test_a_host_that_only_ends_like_openai_is_another() -> None:
    assert not read_address("https://evilapi.openai.com.example.net/v1").hosted
    assert not read_address("https://notapi.openai.com/v1").hosted
