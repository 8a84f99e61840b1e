"""Settings come from file, environment and options; what cannot work is refused with its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from sre_orchestrator.core.errors import SettingsError
from sre_orchestrator.core.settings import read_settings


def refusal(environment: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        read_settings(None, {f"SRE_ORCHESTRATOR_{key}": value for key, value in environment.items()})
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [("s.toml", 'rounds = 1\nrule_folders = ["a"]'), ("s.yaml", "rounds: 1\nrule_folders: [a]")],
)
def test_a_file_is_read(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)

    settings = read_settings(tmp_path / name, {})

    assert (settings.rounds, settings.rule_folders) == (1, ("a",))


def test_options_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("rounds: 1\nnamespace: file\nsnapshot: file")
    environment = {"SRE_ORCHESTRATOR_NAMESPACE": "environment", "SRE_ORCHESTRATOR_SNAPSHOT": "environment"}

    settings = read_settings(tmp_path / "s.yaml", environment, snapshot="option", namespace=None)

    assert (settings.rounds, settings.namespace, settings.snapshot) == (1, "environment", "option")


def test_the_environment_is_text() -> None:
    environment = {
        "SRE_ORCHESTRATOR_BLOCK_PLUGINS": "a, b,,",
        "SRE_ORCHESTRATOR_RULE_FOLDERS": "",
        "SRE_ORCHESTRATOR_TRACE_PLUGINS": "true",
        "SRE_ORCHESTRATOR_AGENT_TIMEOUT_SECONDS": "2.5",
        "SRE_ORCHESTRATOR_SNAPSHOT_LIMITS": "{files: 9}",
        "UNRELATED": "x",
    }

    settings = read_settings(None, environment)

    assert settings.block_plugins == ("a", "b")
    assert settings.rule_folders == ()
    assert settings.trace_plugins is True
    assert settings.agent_timeout_seconds == 2.5
    assert settings.snapshot_limits.files == 9


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("ROUNDS", "many", "Expected `int`, got `str` - at `$.rounds`"),
        ("ROUNDS", "-1", "Expected `int` >= 0 - at `$.rounds`"),
        ("CONCURRENT_AGENTS", "0", "Expected `int` >= 1 - at `$.concurrent_agents`"),
        ("AGENT_TIMEOUT_SECONDS", "0", "Expected `float` > 0.0"),
        ("AGENT_TIMEOUT_SECONDS", "nan", "agent_timeout_seconds"),
        ("CONFIDENCE_FLOOR", "50", "Expected `float` <= 1.0"),
        ("WINDOW_MINUTES", "1e300", "window_minutes"),
        ("ENGINE", "prolog", "Invalid enum value 'prolog' - at `$.engine`"),
        ("SNAPSHOT_LIMITS", "{", "SRE_ORCHESTRATOR_SNAPSHOT_LIMITS: not YAML"),
        ("SNAPSHOT_LIMITS", "{files: 0}", "Expected `int` >= 1 - at `$.snapshot_limits.files`"),
        ("WATCH", "{open_after: 6}", "watch.open_after is more than watch.open_within"),
        ("USER_FLOWS", "[{host: shop.example}]", "missing required field `name`"),
        ("SNAPSHOT_LIMITS", "9", "Expected `object`, got `int`"),
    ],
)
def test_what_cannot_work_is_refused(key: str, value: str, why: str) -> None:
    assert why in refusal({key: value})


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("s.toml", b"rounds = ", "give a readable TOML or YAML file"),
        ("s.toml", b"\xff", "give a readable TOML or YAML file"),
        ("s.yaml", b"- a", "Expected `object`, got `array`"),
        ("s.yaml", b"rounds: 1\nrounds: 2", "the key 'rounds' is there twice"),
        ("s.yaml", b"ruonds: 1", "unknown field `ruonds`"),
        ("s.yaml", None, "No such file"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, name: str, text: bytes | None, why: str) -> None:
    if text is not None:
        (tmp_path / name).write_bytes(text)

    with pytest.raises(SettingsError) as caught:
        read_settings(tmp_path / name, {})

    assert str(caught.value).startswith(str(tmp_path / name))
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("notify", "why"),
    [
        ("[{kind: slack}]", "service.notify slack: has no address, or two"),
        ("[{kind: slack, url: 'https://a', url_file: b}]", "service.notify slack: has no address, or two"),
        (
            "[{kind: slack, url: 'https://a', template: 'costs $'}]",
            "template holds a $ without a name; known are incident",
        ),
        ("[{kind: slack, url: 'https://a', template: '$verdict $owner'}]", "template holds $owner; known are incident"),
        ("[{kind: webhook, url: 'https://a', template: x}]", "service.notify webhook: template is for chats"),
        ("[{kind: webhook, name: w, url: 'ftp://a'}]", "service.notify w: url is no address of a web service"),
        ("[{kind: slack, url: 'https://a'}, {kind: slack, url_file: b}]", "two have the same name"),
    ],
)
def test_who_is_told_needs_one_address_and_a_name_of_its_own(notify: str, why: str) -> None:
    assert why in refusal({"SERVICE": f"{{notify: {notify}}}"})


@pytest.mark.parametrize(
    ("databases", "why"),
    [
        ("[{name: a}]", "databases a: has no address, or two"),
        ("[{name: a, url: 'redis://:hunter2@b', url_file: c}]", "databases a: has no address, or two"),
        ("[{name: a, url: 'redis://b'}, {name: a, url: 'redis://c'}]", "databases: two have the same name"),
        (
            "[{name: a, url: 'oracle://me:hunter2@b'}]",
            "databases a: its address cannot be used; give one such as postg",
        ),
        ("[{name: a, url: 'redis://me:hunter2@[::'}]", "databases a: its address cannot be used"),
        ("[{name: a, url: 'mysql://me:hunter2@b:port'}]", "databases a: its address cannot be used"),
        ("[{name: 'a b', url: 'redis://b'}]", "$.databases[0].name"),
        ("[{name: a, url: 'redis://b', component: db}]", "$.databases[0].component"),
    ],
)
def test_databases_need_one_address_and_a_name_of_their_own(databases: str, why: str) -> None:
    said = refusal({"DATABASES": databases})

    assert why in said
    assert "hunter2" not in said


def test_the_address_of_the_database_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://sre:secret@db/sre\n", encoding="utf-8")

    settings = read_settings(None, {"SRE_ORCHESTRATOR_SERVICE": f"{{database_url_file: {tmp_path}/url, workers: 3}}"})

    assert settings.service.database_url == "postgresql://sre:secret@db/sre"
    assert (settings.service.database_url_file, settings.service.workers) == ("", 3)


@pytest.mark.parametrize(
    ("held", "why"),
    [
        (None, "service.database_url_file: [Errno 2] No such file"),
        (b" \n", "url is empty; write postgresql://"),
        (b"\xff", "service.database_url_file: 'utf-8' codec"),
    ],
)
def test_a_file_without_an_address_is_refused(tmp_path: Path, held: bytes | None, why: str) -> None:
    if held is not None:
        (tmp_path / "url").write_bytes(held)

    assert why in refusal({"SERVICE": f"{{database_url_file: {tmp_path}/url}}"})


def test_two_databases_are_refused() -> None:
    assert "service: has two databases" in refusal({"SERVICE": "{database_url: 'sqlite://', database_url_file: a}"})
