"""The time zone in /setup: a time becomes cities, a city is echoed, and only then it is saved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from core.operations import history, settings
from tests.e2e._setup import alone, buttons, menu, options
from tests.world import World, text_of


def at_utc(w: World, hour: int, minute: int) -> str:
    """Move the simulated clock on to this time of day, UTC."""
    now = w.env.now()
    wanted = datetime(now.year, now.month, now.day, hour, minute, tzinfo=UTC)
    if wanted < now:
        wanted += timedelta(days=1)
    w.env.backend.clock.advance((wanted - now).total_seconds())
    return f"{wanted:%H:%M}"


async def ask(w: World, typed: str, shown: Any = None) -> Any:
    shown = shown or await w.mod.slash(w.room, "setup")
    label = "Set the time" if "Set the time" in buttons(shown) else "Type it again"
    form = await w.mod.click(shown.response, label=label)
    return await w.mod.submit_modal(form, {"time": typed})


@alone
async def test_the_time_gives_cities_and_the_city_is_echoed(w: World) -> None:
    at_utc(w, 18, 5)
    cities = await ask(w, "7:05 pm")
    assert "It is 19:05 there now" in text_of(cities)
    assert options(cities)[:2] == ["Europe/Berlin", "Europe/Vienna"]
    first = options(cities)
    assert len(first) == 25
    more = await w.mod.click(cities.response, label="More cities")
    assert not set(options(more)) & set(first)
    assert "Europe/Prague" in options(more)
    back = await w.mod.click(more.response, label="Back")
    assert options(back) == first
    echo = await w.mod.select(
        back.response, ["Europe/Berlin"], custom_id=menu(back, "setup_city")
    )  # fmt: skip
    assert "**Berlin** (Europe/Berlin), it is **19:05** there now. Right?" in text_of(echo)
    assert "zone" not in (await settings.get(w.guild.id)).model_fields_set
    other = await w.mod.click(echo.response, label="No, another city")
    assert options(other) == first
    echo = await w.mod.select(
        other.response, ["Europe/Berlin"], custom_id=menu(other, "setup_city")
    )  # fmt: skip
    saved = await w.mod.click(echo.response, label="Yes, that is my time")
    assert "✅ Saved: time zone Europe/Berlin, it is 19:05 there now." in text_of(saved)
    assert (await settings.get(w.guild.id)).zone == "Europe/Berlin"
    entry = (await history.page(w.guild.id))[0]
    assert (entry.action, entry.after["zone"]) == ("settings_changed", "Europe/Berlin")


@alone
async def test_zones_of_half_an_hour_and_of_a_quarter(w: World) -> None:
    at_utc(w, 18, 5)
    shown = await ask(w, "23:35")
    assert options(shown) == ["Asia/Kolkata", "Asia/Colombo"]
    shown = await ask(w, "2350")
    assert options(shown) == ["Asia/Kathmandu"]
    echo = await w.mod.select(
        shown.response, ["Asia/Kathmandu"], custom_id=menu(shown, "setup_city")
    )  # fmt: skip
    await w.mod.click(echo.response, label="Yes, that is my time")
    assert (await settings.get(w.guild.id)).zone == "Asia/Kathmandu"


@alone
async def test_a_city_can_be_typed_and_nothing_is_guessed(w: World) -> None:
    at_utc(w, 18, 5)
    wrong = await ask(w, "Berlln")
    assert "“Berlln” is neither a time nor a city that I know" in text_of(wrong)
    assert "Europe/Berlin" in options(wrong)
    assert "zone" not in (await settings.get(w.guild.id)).model_fields_set
    lost = await ask(w, "qqqq *@everyone*", wrong)
    assert "neither a time nor a city" in text_of(lost)
    assert "@everyone" not in text_of(lost).replace("@\u200beveryone", "")
    assert options(lost) == []
    nowhere = await ask(w, "06:20", lost)  # 11:45 behind or 12:15 ahead: nobody's clock
    assert "Nowhere is it that time" in text_of(nowhere)
    echo = await ask(w, "wien", nowhere)
    assert "**Vienna** (Europe/Vienna), it is **19:05** there now. Right?" in text_of(echo)
    await w.mod.click(echo.response, label="Yes, that is my time")
    assert (await settings.get(w.guild.id)).zone == "Europe/Vienna"


@alone
async def test_suggested_cities_lead_to_the_same_echo(w: World) -> None:
    at_utc(w, 18, 5)
    wrong = await ask(w, "Kolkatta")
    echo = await w.mod.select(
        wrong.response, ["Asia/Kolkata"], custom_id=menu(wrong, "setup_city")
    )  # fmt: skip
    assert "**Kolkata** (Asia/Kolkata), it is **23:35** there now. Right?" in text_of(echo)
