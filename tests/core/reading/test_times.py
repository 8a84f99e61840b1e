"""Since when something is wrong is read from what people write, in their language and zone."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sre_orchestrator.core.reading.times import MOST, ago

NOW = datetime(2026, 3, 12, 15, 30, tzinfo=UTC)  # a Thursday


def begun(text: str, now: datetime = NOW) -> str:
    return f"{now - ago(text, now):%d %H:%M}"


@pytest.mark.parametrize(
    "text",
    [
        *("since ten minutes", "seit zehn Minuten", "depuis 10 minutes", "hace diez minutos", "da 10 minuti"),
        *(
            "há 10 minutos",
            "sinds tien minuten",
            "od 10 minut",
            "10 dakika önce",
            "уже 10 минут",
            "10分前から",
            "10分钟前",
        ),
        *("10분 전부터", "the last 10min", "10m ago", "since 10 m", "15:20", "15:20:59 UTC", "at 3:20 pm", "3:20 p.m."),
    ],
)
def test_ten_minutes_are_ten_minutes(text: str) -> None:
    assert begun(text) == "12 15:20"


@pytest.mark.parametrize(
    "text",
    [
        *("half an hour ago", "seit einer halben Stunde", "il y a une demi-heure", "hace media hora", "da mezz'ora"),
        *("há meia hora", "sinds een half uur", "od pół godziny", "30 dakika önce", "30分前", "半小时前", "0,5 h ago"),
    ],
)
def test_half_an_hour_is_thirty_minutes(text: str) -> None:
    assert begun(text) == "12 15:00"


@pytest.mark.parametrize(
    "text",
    [
        *("yesterday evening", "seit gestern Abend", "depuis hier soir", "desde ayer por la noche", "da ieri sera"),
        *("desde ontem à noite", "sinds gisteren avond", "od wczoraj wieczorem", "dün akşamdan beri", "昨天晚上"),
        *("вчера вечером", "yesterday at 17:00", "gestern um 17 Uhr", "hier à 17h00", "昨日 17時", "5pm yesterday"),
    ],
)
def test_yesterday_evening_begins_at_five(text: str) -> None:
    assert begun(text) == "11 17:00"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-12 14:05 CET", "12 13:05"),
        ("2026-03-12T14:05:00+01:00", "12 13:05"),
        ("2026-03-12T09:05:00-05:00", "12 14:05"),
        ("14:05 UTC", "12 14:05"),
        ("since 15:05 UTC+2", "12 13:05"),
        ("um 14:05 ist alles tot", "12 14:05"),
        ("at 14:05 IST", "12 08:35"),  # India's: the earliest of three
        ("10:05 CST", "11 16:05"),  # Chicago's: the earlier of two
        ("14:05-15:10 outage", "12 14:05"),
        ("12. März um 14:05", "12 14:05"),
        ("le 12 mars à 14h05", "12 14:05"),
        ("March 12 14:05", "12 14:05"),
        ("10 Mar 14:05", "10 14:05"),
        ("12/03/2026 14:05", "12 14:05"),
        ("3月12日14時5分", "12 14:00"),
        ("下午3点", "12 15:00"),
    ],
)
def test_dates_and_zones(text: str, expected: str) -> None:
    assert begun(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at noon", "12 12:00"),
        ("since the deploy at 9", "12 09:00"),
        ("since 9.", "12 09:00"),
        ("seit 9 Uhr", "12 09:00"),
        ("depuis 9h", "12 06:30"),
        ("um 9 Uhr abends", "11 21:00"),
        ("at 12am", "12 00:00"),
        ("at 12pm", "12 12:00"),
        ("at 24:00", "12 00:00"),
        ("at 16:00", "11 16:00"),
        ("yesterday at 25:00", "11 00:00"),
        ("today at 16:00", "12 15:30"),
        ("last night", "11 20:00"),
        ("this morning", "12 05:00"),
        ("desde ayer", "11 00:00"),
        ("vorgestern", "10 00:00"),
        ("since Monday", "09 00:00"),
        ("seit Montag 14 Uhr", "09 14:00"),
        ("today", "12 00:00"),
        ("since last week", "05 15:30"),
        ("for hours", "12 03:30"),
        ("in the last hour", "12 14:30"),
        ("for the last two hours, at least since 14:00", "12 13:30"),
        ("vor anderthalb Stunden", "12 14:00"),
        ("in 2024-01-01", "05 15:30"),
        ("March 11", "11 00:00"),
        ("December 24", "05 15:30"),
    ],
)
def test_times_of_day_and_days(text: str, expected: str) -> None:
    assert begun(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "nothing works",
            "500m cpu",
            "limit 3d",
            "every 5 minutes",
            "alle 5 Minuten",
            "hier geht nichts",
            "port 8080",
        ),
        *(
            "it expires 2027-01-01",
            "maintenance on 14 March",
            "31/31/2026",
            "February 30",
            "10.0.0.12:30",
            "99:99",
            "image nginx:1.21",
            "",
        ),
    ],
)
def test_other_numbers_are_no_times(text: str) -> None:
    assert ago(text, NOW) == timedelta()


def test_times_of_day_are_those_of_the_zone_of_the_incident() -> None:
    now = NOW.astimezone(timezone(timedelta(hours=5)))

    assert begun("at noon", now) == "12 12:00"
    assert begun("at 11:30 UTC", now) == "12 16:30"


def test_an_incident_without_a_zone_has_utc() -> None:
    assert ago("at 14:05 UTC", NOW.replace(tzinfo=None)) == timedelta(hours=1, minutes=25)


@given(
    st.text(max_size=80)
    | st.lists(
        st.sampled_from(
            [
                "yesterday",
                "at",
                "9",
                "24",
                "31",
                ":",
                "/",
                "12",
                "half",
                "hour",
                "since",
                "月",
                "日",
                "PST",
                "+",
                "-05:00",
                "pm",
                "Monday",
                "h",
            ]
        )
    ).map(" ".join),
    st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-14)), timezone(timedelta(hours=14))])),
)
def test_no_text_breaks_it_and_no_window_is_longer_than_a_week(text: str, now: datetime) -> None:
    assert timedelta() <= ago(text, now) <= MOST


@pytest.mark.parametrize("word", ["1 ", "12:05 ", "9 am ", "yesterday ", "since ", "half ", "a", "\u0301", "12月", "-"])
def test_a_long_text_takes_no_long_time(word: str) -> None:
    ago("since 5 minutes", NOW)
    begun = time.process_time()

    ago(word * 200_000, NOW)

    assert time.process_time() - begun < 3
