"""What time is it for you now? From what is typed to cities, without a clock or a database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.reconcile import daytime
from core.words import LANGUAGES, speaking

WINTER = datetime(2026, 1, 15, 18, 5, tzinfo=UTC)
SUMMER = datetime(2026, 7, 15, 17, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "minutes"),
    [
        ("19:05", 19 * 60 + 5),
        (" 19:05 ", 19 * 60 + 5),
        ("7pm", 19 * 60),
        ("7:05 pm", 19 * 60 + 5),
        ("7:05 P.M.", 19 * 60 + 5),
        ("19.05 Uhr", 19 * 60 + 5),
        ("19 Uhr", 19 * 60),
        ("19h05", 19 * 60 + 5),
        ("1905", 19 * 60 + 5),
        ("705", 7 * 60 + 5),
        ("7", 7 * 60),
        ("0:00", 0),
        ("24:00", 0),
        ("12am", 0),
        ("12pm", 12 * 60),
        ("12:30 am", 30),
        ("nonsense", None),
        ("", None),
        ("25:00", None),
        ("19:61", None),
        ("13pm", None),
        ("0pm", None),
        ("24:01", None),
        ("19:5", None),
        ("Berlin", None),
        ("19:05 or so", None),
        ("-1", None),
        ("12345", None),
    ],
)
def test_what_was_typed(typed: str, minutes: int | None) -> None:
    assert daytime.parse(typed) == minutes


@pytest.mark.parametrize(
    ("typed", "city"),
    [
        ("19:05", "Europe/Berlin"),
        ("19:09", "Europe/Berlin"),  # a clock that goes wrong is put right
        ("18:58", "Europe/Berlin"),
        ("18:05", "Europe/London"),
        ("1:05 pm", "America/New_York"),
        ("23:35", "Asia/Kolkata"),  # half an hour
        ("23:50", "Asia/Kathmandu"),  # a quarter
        ("14:35", "America/St_Johns"),
        ("03:05", "Asia/Tokyo"),  # tomorrow
        ("08:05", "Pacific/Kiritimati"),  # tomorrow, and 14 hours ahead
        ("08:05", "Pacific/Honolulu"),  # today, and 10 hours behind
        ("07:50", "Pacific/Chatham"),  # 13:45 ahead in summer there
    ],
)
def test_cities_of_a_winter_evening(typed: str, city: str) -> None:
    minutes = daytime.parse(typed)
    assert minutes is not None
    found = daytime.zones_at(daytime.offsets(minutes, WINTER), WINTER)
    assert city in found


def test_summer_time_counts_at_the_moment_of_asking() -> None:
    wanted = daytime.offsets(19 * 60 + 5, SUMMER)
    assert wanted == [120]
    found = daytime.zones_at(wanted, SUMMER)
    assert "Europe/Berlin" in found
    assert "Africa/Lagos" not in found
    winter = daytime.zones_at([60], WINTER)
    assert {"Europe/Berlin", "Africa/Lagos"} <= set(winter)


def test_both_days_where_the_date_line_lies_between() -> None:
    assert daytime.offsets(7 * 60 + 5, WINTER) == [780, -660]
    found = daytime.zones_at([780, -660], WINTER)
    assert {"Pacific/Auckland", "Pacific/Pago_Pago"} <= set(found)


def test_every_minute_of_the_day_lies_within_the_zones_of_the_world() -> None:
    for minutes in range(daytime.DAY):
        wanted = daytime.offsets(minutes, WINTER)
        assert wanted, minutes
        assert all(o % 15 == 0 and -720 <= o <= 840 for o in wanted)
    assert daytime.zones_at([-705], WINTER) == []  # nobody lives by that clock


def test_cities_of_many_come_first() -> None:
    found = daytime.zones_at([60], WINTER)
    assert found[:3] == ["Europe/Berlin", "Europe/Vienna", "Europe/Zurich"]
    rest = [daytime.city(z).casefold() for z in found if z not in daytime.COMMON]
    assert rest == sorted(rest)


def test_labels_of_a_list_are_all_different() -> None:
    """Two options with one label would both be the first, and one value cannot stand twice."""
    for code in LANGUAGES:
        with speaking(code):
            names = [daytime.city(zone) for zone in daytime.cities()]
            assert len(names) == len(set(names)), code
            assert all(0 < len(name) <= 100 for name in names)


def test_every_common_zone_is_a_city_of_the_table() -> None:
    assert set(daytime.COMMON) <= set(daytime.cities())
    for locale in ("de", "fr", "ja", "pt-BR", "uk", "zh-TW"):
        assert daytime.zone_for(locale) in daytime.cities()
    assert daytime.zone_for("en-US") is None


def test_cities_in_the_language_of_whoever_reads() -> None:
    assert daytime.city("Europe/Vienna") == "Vienna"
    assert daytime.city("America/Argentina/Buenos_Aires") == "Buenos Aires"
    with speaking("de"):
        assert daytime.city("Europe/Vienna") == "Wien"
    assert daytime.by_city()["wien"] == daytime.by_city()["vienna"] == "Europe/Vienna"
    assert daytime.by_city()["new york"] == "America/New_York"
