"""What people and moderators choose about messages: by buttons, selects and short forms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from core.db.engine import get_database
from core.db.meeting_models import Delivery
from core.db.models import Role
from core.notifications.templates import TEMPLATES
from core.operations import history, membership, mine, reminders, settings, undo
from core.operations.common import Actor
from tests.e2e._acting import defaults, last, made, mod_of, on_discord
from tests.e2e._notices import meetings, running
from tests.e2e._setup import alone, buttons, menu, options
from tests.world import World, parts_of, text_of


def me(w: World) -> Any:
    return w.members[0]


def actor(w: World) -> Actor:
    return Actor(w.guild.id, me(w).id, me(w).name)


async def opened(w: World) -> Any:
    home = await me(w).slash(w.room, "my")
    return await me(w).click(home.response, label="My settings")


def ticked(result: Any) -> set[str]:
    found = next(c for c in parts_of(result.response) if "my_switches" in c.get("custom_id", ""))
    return {o["value"] for o in found["options"] if o.get("default")}


# --- a person's own -----------------------------------------------------------------------------


@on_discord
async def test_a_zone_is_echoed_before_it_is_saved(w: World) -> None:
    panel = await opened(w)
    assert "Your time zone is not known" in text_of(panel)
    assert "Quiet from 22:00 to 8:00, once your time zone is known" in text_of(panel)
    form = await me(w).click(panel.response, label="Time zone")
    wrong = await me(w).submit_modal(form, {"zone": "Berln"})
    assert "“Berln” is no time zone I know. Is it one of these?" in text_of(wrong)
    echo = await me(w).select(
        wrong.response, ["Europe/Berlin"], custom_id=menu(wrong, "my_city")
    )  # fmt: skip
    assert "Berlin (Europe/Berlin): it is" in text_of(echo)
    assert (await mine.settings(actor(w))).zone is None
    form = await me(w).click(echo.response, label="Type it again")
    echo = await me(w).submit_modal(form, {"zone": "kolkata"})
    assert "Kolkata (Asia/Kolkata)" in text_of(echo)
    saved = await me(w).click(echo.response, label="Yes, that is my time")
    assert "✅ Saved." in text_of(saved)
    assert "🕑 Kolkata (Asia/Kolkata)" in text_of(saved)
    assert "no direct message comes then" in text_of(saved)
    assert (await mine.settings(actor(w))).zone == "Asia/Kolkata"
    form = await me(w).click(saved.response, label="Time zone")
    nothing = await me(w).submit_modal(form, {"zone": "qqqqqqq"})
    assert "Try a city" in text_of(nothing)


@on_discord
async def test_quiet_hours(w: World) -> None:
    panel = await opened(w)
    form = await me(w).click(panel.response, label="Quiet hours")
    saved = await me(w).submit_modal(form, {"from": ["23"], "to": ["6"]})
    assert "Quiet from 23:00 to 6:00" in text_of(saved)
    assert (await mine.settings(actor(w))).quiet == (23, 6)
    form = await me(w).click(saved.response, label="Quiet hours")
    saved = await me(w).submit_modal(form, {"from": ["off"], "to": ["6"]})
    assert "Quiet hours: none" in text_of(saved)
    assert (await mine.settings(actor(w))).quiet is None


@on_discord
async def test_switches_are_one_select(w: World) -> None:
    (group,) = await running(w)
    panel = await opened(w)
    assert ticked(panel) == {"mentions"}
    saved = await me(w).select(
        panel.response, ["remind_dm"], custom_id=menu(panel, "my_switches")
    )  # fmt: skip
    assert ticked(saved) == {"remind_dm"}
    now = await mine.settings(actor(w))
    assert now.switches == {"mentions": False, "remind_dm": True, "assigned_dm": False}
    first = (await meetings())[0]
    # Personal reminders are written a week ahead, and taken back with the switch.
    from core.clock import set_clock

    set_clock(lambda: first.starts_at - timedelta(days=2))
    w.worker.bump([group])
    await w.settle()
    assert await personal(w) == {me(w).id}
    off = await me(w).select(saved.response, [], custom_id=menu(saved, "my_switches"))
    await w.settle()
    assert ticked(off) == set()
    assert await personal(w) == set()


async def personal(w: World) -> set[int | None]:
    async with get_database().transaction() as session:
        rows = await session.scalars(
            select(Delivery.user_id).where(
                Delivery.guild_id == w.guild.id, Delivery.kind == "remind_dm"
            )
        )
        return set(rows)


@on_discord
async def test_facilitators_switch_their_overview(w: World) -> None:
    cohort = await made(w)
    assert "digest" not in ticked(await opened(w))
    await membership.add(
        mod_of(w), cohort.group_ids[0], me(w).id, "member1", role=Role.facilitator
    )  # fmt: skip
    panel = await opened(w)
    assert ticked(panel) == {"mentions", "digest"}
    await me(w).select(panel.response, ["mentions"], custom_id=menu(panel, "my_switches"))
    assert (await mine.settings(actor(w))).switches["digest"] is False


@on_discord
async def test_everything_is_in_my_data(w: World) -> None:
    await running(w)
    await mine.change(
        actor(w), zone="Berlin", quiet=(23, 5), switches={"remind_dm": True}, language="de"
    )
    found = await mine.data(actor(w))
    assert found["settings"] == {
        "messages": True, "language": "de", "zone": "Europe/Berlin", "quiet_hours": [23, 5],
        "switches": {"remind_dm": True},
    }  # fmt: skip
    assert found["messages"][0]["kind"] == "assigned_dm"
    assert found["meetings"] == []


# --- a server's texts ---------------------------------------------------------------------------


async def texts(w: World) -> Any:
    panel = await w.mod.slash(w.room, "settings")
    if "Accept all" in buttons(panel):
        panel = await w.mod.click(panel.response, label="Accept all")
    return await w.mod.click(panel.response, label="Texts of messages")


async def pick(w: World, shown: Any, kind: str) -> Any:
    return await w.mod.select(shown.response, [kind], custom_id=menu(shown, "text_pick"))


@alone
async def test_a_text_is_previewed_saved_and_put_back(w: World) -> None:
    one = await pick(w, await texts(w), "moved")
    assert "Meeting moved" in text_of(one)
    assert "was moved from <t:" in text_of(one)
    assert "Back to default" not in buttons(one)
    form = await w.mod.click(one.response, label="Change")
    assert "`{old}`" in str(form.modal)
    preview = await w.mod.submit_modal(form, {"text": "Neu: **{group}** {when}"})
    assert "Neu: **Group 1** <t:" in text_of(preview)
    assert (await settings.get(w.guild.id)).templates == {}
    saved = await w.mod.click(preview.response, label="Save")
    assert "✅ Saved." in text_of(saved)
    assert (await settings.get(w.guild.id)).templates == {"moved": "Neu: **{group}** {when}"}
    entry = (await history.page(w.guild.id))[0]
    assert (entry.action, entry.after) == (
        "settings_changed", {"templates": {"moved": "Neu: **{group}** {when}"}},
    )  # fmt: skip
    default = await w.mod.click(saved.response, label="Back to default")
    assert "was moved from" in text_of(default)
    assert (await settings.get(w.guild.id)).templates == {}
    preview = await w.mod.click(default.response, label="Undo")
    await w.mod.click(preview.response, label="Undo")
    assert (await settings.get(w.guild.id)).templates == {"moved": "Neu: **{group}** {when}"}


@alone
async def test_the_line_a_day_can_be_turned_off(w: World) -> None:
    shown = await texts(w)
    assert "about who joined and answered: on." in text_of(shown)
    off = await w.mod.click(shown.response, label="Turn off")
    assert "about who joined and answered: off." in text_of(off)
    assert not (await settings.get(w.guild.id)).activity_line
    await w.mod.click(off.response, label="Turn on")
    assert (await settings.get(w.guild.id)).activity_line


@alone
async def test_a_text_that_means_nothing_is_kept_for_another_try(w: World) -> None:
    one = await pick(w, await texts(w), "joined")
    form = await w.mod.click(one.response, label="Change")
    wrong = await w.mod.submit_modal(form, {"text": "{person.__class__} is here"})
    assert "means nothing here" in text_of(wrong)
    assert "Nothing was changed." in text_of(wrong)
    again = await w.mod.click(wrong.response, label="Edit again")
    assert "{person.__class__} is here" in str(again.modal)
    preview = await w.mod.submit_modal(again, {"text": "@everyone: {person}"})
    cancelled = await w.mod.click(preview.response, label="Cancel")
    assert options(cancelled) == list(TEMPLATES)
    assert (await settings.get(w.guild.id)).templates == {}


@alone
async def test_texts_are_for_moderators_only(w: World) -> None:
    one = await pick(w, await texts(w), "joined")
    form = await w.mod.click(one.response, label="Change")
    preview = await w.mod.submit_modal(form, {"text": "{person}!"})
    from tests.e2e._acting import dismiss

    await dismiss(w, w.mod)
    refused = await w.mod.click(preview.response, label="Save")
    assert "Only moderators can do that" in text_of(refused)
    assert (await settings.get(w.guild.id)).templates == {}


@alone
async def test_two_moderators_change_two_texts_at_once(w: World) -> None:
    import asyncio

    from core.operations import texts as operation

    await asyncio.gather(
        operation.save(mod_of(w), "joined", "{person} +"),
        operation.save(mod_of(w), "left", "{person} -"),
        operation.save(mod_of(w), "nudge", "{when} ?"),
    )
    assert set((await settings.get(w.guild.id)).templates) == {"joined", "left", "nudge"}


# --- a group's reminders ------------------------------------------------------------------------


@on_discord
async def test_a_groups_reminders(w: World) -> None:
    (group,) = await running(w)
    first = (await meetings())[0]
    card = await w.mod.slash(w.room, "group show", group=str(group))
    form = await w.mod.click(card.response, label="Reminders")
    assert defaults(form) == {
        "nudge": "3 days", "remind_first": "1 day", "remind_last": "1 hour",
    }  # fmt: skip
    wrong = await w.mod.submit_modal(
        form, {"nudge": "off", "remind_first": "soon", "remind_last": "30 min"}
    )
    assert "“soon” is no length of time that I know" in text_of(wrong)
    form = await w.mod.click(wrong.response, label="Edit again")
    assert defaults(form)["remind_first"] == "soon"
    preview = await w.mod.submit_modal(
        form, {"nudge": "off", "remind_first": "2 days", "remind_last": "30 min"}
    )
    at = int((first.starts_at - timedelta(days=2)).timestamp())
    assert f"Reminder a day before: 2 days, next <t:{at}:F>" in text_of(preview)
    assert "Question to those who have not answered: off" in text_of(preview)
    saved = await w.mod.click(preview.response, label="Save")
    await w.settle()
    assert "✅ Saved." in text_of(saved)
    assert await due(group, "nudge") == []
    assert await due(group, "remind_last") == [
        m.starts_at - timedelta(minutes=30) for m in await meetings()
    ]
    entry = (await history.page(w.guild.id))[0]
    assert entry.action == "reminders_changed"
    shown = await w.mod.slash(w.room, "history")
    assert "changed the reminders of" in text_of(shown)
    preview = await w.mod.click(last(saved), label="Undo")
    assert "reminders from" in text_of(preview)
    await undo.apply(mod_of(w), entry.id)
    w.worker.bump([group])
    await w.settle()
    assert await reminders.offsets(mod_of(w), group) == {
        "nudge": 4320, "remind_first": 1440, "remind_last": 60,
    }  # fmt: skip
    assert len(await due(group, "nudge")) == 2


async def due(group: int, kind: str) -> list[datetime]:
    async with get_database().transaction() as session:
        rows = await session.scalars(
            select(Delivery.due_at)
            .where(Delivery.group_id == group, Delivery.kind == kind)
            .order_by(Delivery.due_at)
        )
        return [at.astimezone(UTC) for at in rows]
