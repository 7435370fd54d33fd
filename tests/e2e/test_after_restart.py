"""What was on the screen before the bot was restarted: it works, or says that the step is over.

Each walk opens its panels before the `yield` and presses them after it, in another process's bot.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.clock import set_clock
from core.discord_outbound.messages import Button, send_channel_message
from core.operations import mine
from core.operations.common import Actor
from core.systems import projections
from core.systems.answer_posts import ACTIVITY
from tests.e2e._acting import channel, labels, last, on_discord, restart
from tests.e2e._announce import announced, written
from tests.e2e._announce import groups as two_groups
from tests.e2e._answers import post_of, started
from tests.e2e._notices import later, meetings, posts, running
from tests.e2e.test_attendance import season as attended
from tests.e2e.test_attention import needs
from tests.e2e.test_attention import season as missed
from tests.e2e.test_meetings_walk import MONDAY, begun, living
from tests.world import World, parts_of, text_of

Walk = Callable[[World], AsyncIterator[None]]
OVER = "This is too old, or Muster was restarted meanwhile. Nothing was changed: open it again."


def choices(result: Any, action: str) -> tuple[str, list[str]]:
    """The custom_id of a select, and the values in it."""
    [part] = [p for p in parts_of(last(result)) if action in p.get("custom_id", "")]
    return part["custom_id"], [option["value"] for option in part.get("options", [])]


async def pick(person: Any, result: Any, action: str, index: int = 0) -> Any:
    custom_id, values = choices(result, action)
    return await person.select(last(result), [values[index]], custom_id=custom_id)


async def answers(w: World) -> AsyncIterator[None]:
    group, _, [ann, ben, *_] = await started(w)
    post = await post_of(w, group)
    declined = await ben.click(post, label="Can't come")
    form = await ben.click(last(declined), label="Say why")
    yield
    assert "You are coming to Week 3" in text_of(await ann.click(post, label="Attending"))
    assert OVER in text_of(await ben.submit_modal(form, {"reason": "a wedding"}))
    form = await ben.click(last(declined), label="Say why")
    assert "a wedding" in text_of(await ben.submit_modal(form, {"reason": "a wedding"}))
    assert "You are coming" in text_of(
        await ben.click(last(declined), label="I can come after all")
    )


async def reminders_to_a_group_and_to_one(w: World) -> AsyncIterator[None]:
    await running(w)
    ann, ben = w.members[:2]
    actor = Actor(w.guild.id, ann.id, ann.name)
    await mine.change(actor, switches={"remind_dm": True})
    w.worker.bump(await mine.groups_of(actor))
    first, _ = await meetings()
    await later(w, first.starts_at - timedelta(days=2))
    await later(w, first.starts_at - timedelta(hours=1))
    [post] = await posts(w, "remind_last")
    [own] = ann.user.dm_channel.history(viewer=ann.user)
    yield
    assert "You may come to Week 1" in text_of(await ben.click(post, label="Maybe"))
    assert "You can't come to Week 1" in text_of(await ann.user.click(own, label="Can't come"))


async def manage(w: World) -> AsyncIterator[None]:
    await begun(w)
    fay = w.members[0]  # facilitates it
    [post] = living(w)
    panel = await fay.click(post, label="Manage")
    asked = await fay.click(last(await fay.click(post, label="Manage")), label="Skip")
    form = await fay.click(last(panel), label="Move")
    yield
    set_clock(lambda: MONDAY)
    assert OVER in text_of(await fay.click(last(asked), label=labels(last(asked))[0]))
    assert OVER in text_of(await fay.submit_modal(form, {"when": "Thu 20:00", "minutes": "60"}))
    assert (await fay.click(last(panel), label="Move")).modal["title"]
    assert (await fay.click(last(panel), label="Meeting time")).modal["title"]
    roll = await fay.click(last(panel), label="Answers")
    assert "No answer (3)" in text_of(roll)
    again = await fay.click(post, label="Manage")
    assert "Week 2 · takes place" in text_of(await pick(fay, again, "meeting_other"))


async def needs_attention(w: World) -> AsyncIterator[None]:
    await missed(w)
    listed = await needs(w)
    card = await pick(w.mod, await needs(w), "attention_person")
    note = await w.mod.click(last(card), label="Message")
    yield
    assert "Only moderators see this" in text_of(await pick(w.mod, listed, "attention_person"))
    assert OVER in text_of(await w.mod.submit_modal(note, {"text": "How are you?"}))
    assert (await w.mod.click(last(card), label="Message")).modal["title"]
    assert "is not shown here for a week" in text_of(await w.mod.click(last(card), label="Later"))


async def this_week(w: World) -> AsyncIterator[None]:
    await begun(w)
    home = await w.mod.slash(w.room, "muster")
    week = await w.mod.click((await w.mod.slash(w.room, "muster")).response, label="This week")
    yield
    assert "This week" in text_of(await w.mod.click(home.response, label="This week"))
    assert "silent: " in text_of(await pick(w.mod, week, "week_day"))


async def attendance(w: World) -> AsyncIterator[None]:
    first, _, ids = await attended(w)
    command = "attendance show"
    shown = await w.mod.slash(w.room, command, group=f"group:{first}")
    sheet = await w.mod.slash(w.room, command, group=f"group:{first}")
    people = await w.mod.select(sheet.response, values=[str(ids[0])])
    yield
    value = parts_of(people.response)[1]["options"][0]["value"]
    assert OVER in text_of(await w.mod.select(people.response, values=[value]))
    assert OVER in text_of(await w.mod.click(people.response, label="Back to the picture"))
    found = await w.mod.click(shown.response, label="Spreadsheet")
    assert last(found).attachments[0].filename == "attendance-group-1-stats.csv"
    corrected = await w.mod.select(shown.response, values=[str(ids[0])])
    assert "Whose attendance is wrong?" in text_of(corrected)


async def announcements(w: World) -> AsyncIterator[None]:
    cohort, [room, _] = await two_groups(w)
    form = await w.mod.slash(w.room, "announce")
    preview = await written(w, "Hello once", to=f"cohort:{cohort.id}")
    done = await announced(w, cohort)
    asked = await w.mod.click(last(await announced(w, cohort, "Hello again")), label="Withdraw")
    yield
    assert OVER in text_of(await w.mod.submit_modal(form, {"text": "Hello"}))
    assert OVER in text_of(await w.mod.click(last(preview), label="Send"))
    assert OVER in text_of(await w.mod.click(last(asked), label="Withdraw"))
    form = await w.mod.click(last(done), label="Edit")
    assert "Changed. 2 posts" in text_of(await w.mod.submit_modal(form, {"text": "New"}))
    asked = await w.mod.click(last(done), label="Withdraw")
    assert "Withdrawn. 2 posts" in text_of(await w.mod.click(last(asked), label="Withdraw"))
    await w.settle()
    assert [m.content for m in room.history() if m.content.startswith("Hello")] == ["Hello again"]


async def messages(w: World) -> AsyncIterator[None]:
    cohort, [_, room] = await two_groups(w)
    await w.bot.http.delete_channel(room.id)
    await announced(w, cohort)
    listed, failed, other, card = [await w.mod.slash(w.room, "messages") for _ in range(4)]
    failed = await pick(w.mod, failed, "messages_filter", 3)
    card = await pick(w.mod, card, "message_open")
    yield
    assert "Hello **all**" in text_of(await pick(w.mod, other, "message_open"))
    assert "1 failed because" in text_of(await pick(w.mod, listed, "messages_filter", 3))
    assert "1 message is sent again" in text_of(
        await w.mod.click(last(failed), label="Retry all failed")
    )
    await w.settle()
    assert "Nothing there failed." in text_of(await w.mod.click(last(card), label="Retry"))


async def shared_channel(w: World) -> AsyncIterator[None]:
    await two_groups(w)
    card = await w.mod.slash(w.room, "cohort show", cohort="Stats")
    asked = await w.mod.slash(w.room, "cohort show", cohort="Stats")
    asked = await w.mod.click(last(asked), label="Shared channel")
    yield
    assert OVER in text_of(await w.mod.click(last(asked), label="Do it"))
    asked = await w.mod.click(last(card), label="Shared channel")
    done = await w.mod.click(last(asked), label="Do it")
    await w.settle()
    assert channel(w, "stats-all") is not None
    assert "Undo" in labels(last(done))


async def offsets(w: World) -> AsyncIterator[None]:
    [group] = await running(w)
    card, other, third = [
        await w.mod.slash(w.room, "group show", group=str(group)) for _ in range(3)
    ]
    form = await w.mod.click(other.response, label="Reminders")
    wanted = {"nudge": "off", "remind_first": "2 days", "remind_last": "30 min"}
    preview = await w.mod.submit_modal(form, wanted)
    form = await w.mod.click(third.response, label="Reminders")
    yield
    assert OVER in text_of(await w.mod.submit_modal(form, wanted))
    assert OVER in text_of(await w.mod.click(last(preview), label="Save"))
    form = await w.mod.click(card.response, label="Reminders")
    saved = await w.mod.submit_modal(form, wanted)
    assert "✅ Saved." in text_of(await w.mod.click(last(saved), label="Save"))


async def texts(w: World) -> AsyncIterator[None]:
    panel = await w.mod.click(last(await w.mod.slash(w.room, "settings")), label="Accept all")
    listed = await w.mod.click(last(panel), label="Texts of messages")
    one = await pick(w.mod, listed, "text_pick")
    form = await w.mod.click(last(one), label="Change")
    typed = {"text": "It is {when}."}
    preview = await w.mod.submit_modal(form, typed)
    panel = await w.mod.slash(w.room, "settings")
    form = await w.mod.click(last(panel), label="Texts of messages")
    form = await w.mod.click(last(await pick(w.mod, form, "text_pick")), label="Change")
    yield
    assert OVER in text_of(await w.mod.click(last(preview), label="Save"))
    assert OVER in text_of(await w.mod.submit_modal(form, typed))
    listed = await w.mod.click(last(preview), label="Cancel")
    one = await pick(w.mod, listed, "text_pick")
    form = await w.mod.click(last(one), label="Change")
    preview = await w.mod.submit_modal(form, typed)
    assert "✅ Saved." in text_of(await w.mod.click(last(preview), label="Save"))


async def settings(w: World) -> AsyncIterator[None]:
    panel = await w.mod.click(last(await w.mod.slash(w.room, "settings")), label="Accept all")
    form = await w.mod.click(last(panel), label="Change")
    yield
    assert OVER in text_of(await w.mod.submit_modal(form, {"minutes": "20"}))
    form = await w.mod.click(last(panel), label="Change")
    assert "for 20 minutes" in str(
        parts_of(last(await w.mod.submit_modal(form, {"minutes": "20"})))
    )


async def my_own(w: World) -> AsyncIterator[None]:
    await begun(w)
    me = w.members[2]
    listed = await me.slash(w.room, "meetings")
    home = await me.slash(w.room, "my")
    mine = await me.click(last(await me.slash(w.room, "my")), label="My settings")
    hours = await me.click(last(mine), label="Quiet hours")
    yield
    set_clock(lambda: MONDAY)
    assert "You may come" in text_of(await me.click(last(listed), label="1: Maybe"))
    assert "Week 1" in text_of(await me.click(last(home), label="Meetings"))
    assert OVER in text_of(await me.submit_modal(hours, {"from": ["22"], "to": ["8"]}))
    hours = await me.click(last(mine), label="Quiet hours")
    saved = await me.submit_modal(hours, {"from": ["22"], "to": ["8"]})
    assert "22:00" in text_of(saved)


async def of_another_version(w: World) -> AsyncIterator[None]:
    await send_channel_message(w.room.id, "x", buttons=[Button("Old", "gone_since", 1)])
    yield
    assert OVER in text_of(await w.mod.click(w.room.last_message, label="Old"))


WALKS: list[Walk] = [
    answers, reminders_to_a_group_and_to_one, manage, needs_attention, this_week, attendance,
    announcements, messages, shared_channel, offsets, texts, settings, my_own, of_another_version,
]  # fmt: skip


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A day's line waits ten seconds for more answers, and SimCord waits with it at each press."""
    kind = projections._kinds[ACTIVITY]
    monkeypatch.setitem(projections._kinds, ACTIVITY, replace(kind, gather=projections.GATHER))


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk.__name__)
@on_discord
async def test_after_a_restart(w: World, walk: Walk) -> None:
    steps = walk(w)
    await anext(steps)
    await restart(w)
    with pytest.raises(StopAsyncIteration):
        await anext(steps)
