"""What people change by hand on Discord: listed with who did it, kept or put back one by one."""

from __future__ import annotations

from typing import Any

import discord
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from core.operations import by_hand, history, settings
from core.reconcile.permissions import TEXT_ACCESS, VIEW_CHANNEL
from tests.e2e._acting import channel, dismiss, filled, last, made, mod_of, on_discord, sees
from tests.world import World, text_of

SPEAK_OUT = discord.Permissions(create_public_threads=True).value  # a right that is not ours


def place(w: World, name: str = "group-1") -> int:
    return int(w.guild.channels[name].id)


def hand(w: World, person: Any, allow: int, deny: int, name: str = "group-1") -> None:
    """A hand changes somebody's entry in a channel."""
    entry = Overwrite(person.id, OverwriteType.MEMBER, allow, deny)
    w.env.backend.set_overwrite(place(w, name), entry)


def raw(w: World, person: Any, name: str = "group-1") -> tuple[int, int] | None:
    found = {o.id: (o.allow, o.deny) for o in channel(w, name)._overwrites}
    return found.get(person.id)


async def texts(w: World) -> list[str]:
    return [d.text for d in await by_hand.listed(w.guild.id, ask=False)]


@on_discord
async def test_listed_with_who_and_decided_one_by_one(w: World) -> None:
    cohort = await made(w)
    first, second = await filled(w, cohort)
    stranger = w.members[4]
    w.env.backend.delete_overwrite(place(w), first.id)  # taken out
    hand(w, second, SPEAK_OUT, VIEW_CHANNEL)  # kept out, and given something else
    hand(w, stranger, TEXT_ACCESS | SPEAK_OUT, 0)  # let in
    w.env.backend.record_audit_log(
        w.guild.id, 15, target_id=place(w), user_id=w.members[5].id,
        options={"id": str(first.id), "type": "1"},
    )  # fmt: skip
    await w.settle()
    assert len(await texts(w)) == 3
    calls = len(w.env.http_requests)
    page = await w.mod.slash(w.room, "history")
    text = text_of(page)
    assert "**3 things were changed by hand on Discord**" in text
    assert "member1 was taken out of \\#group-1 by hand" in text.replace("#", "\\#").replace(
        "\\\\", "\\"
    )
    assert "(member6, <t:" in text
    assert len([r for r in w.env.http_requests[calls:] if "audit-logs" in r.path]) == 1
    found = await by_hand.listed(w.guild.id, ask=False)
    number = {d.note[1]: n for n, d in enumerate(found, 1)}
    back = f"{number[first.id]}: Put it back"
    answer = await w.mod.click(last(page), label=back)
    assert "No longer: member1 was taken out" in str(last(answer).content)
    assert sees(w, first, "group-1")
    # Exactly that one: the others are as the hands left them.
    assert raw(w, second) == (SPEAK_OUT, VIEW_CHANNEL)
    assert raw(w, stranger) == (TEXT_ACCESS | SPEAK_OUT, 0)
    await w.mod.click(last(page), label=f"{number[second.id]}: Put it back")
    assert raw(w, second) == (TEXT_ACCESS | SPEAK_OUT, 0)
    await w.mod.click(last(page), label=f"{number[stranger.id]}: Put it back")
    assert raw(w, stranger) == (SPEAK_OUT, 0)
    assert await texts(w) == []
    again = await w.mod.click(last(page), label=back)
    assert "This is no longer different, or was decided about already." in text_of(again)
    assert [e.action for e in await history.page(w.guild.id, limit=3)] == [
        "difference_put_back"
    ] * 3
    told = text_of(await w.mod.slash(w.room, "history")).splitlines()
    assert told[0].startswith(
        "- mod put back what was changed by hand in Group 1 (Stats): member5 has access to"
    )
    assert "by hand on Discord" not in told[0]


@on_discord
async def test_kept_is_not_shown_again_until_it_is_another_one(w: World) -> None:
    cohort = await made(w)
    first, _ = await filled(w, cohort)
    hand(w, first, 0, VIEW_CHANNEL)
    await w.settle()
    page = await w.mod.slash(w.room, "history")
    kept = await w.mod.click(last(page), label="1: Keep it")
    assert "✅ It stays as it is: member1 was taken out of" in str(last(kept).content)
    assert await texts(w) == []
    w.worker.bump(cohort.group_ids)
    await w.settle()
    w.worker.ask_sweep()
    await w.settle()
    assert await texts(w) == []
    assert not sees(w, first, "group-1")
    assert "by hand" not in text_of(await w.mod.slash(w.room, "sync plan"))
    # Undo shows it again; so does doing it anew after it was gone.
    preview = await w.mod.click(last(kept), label="Undo")
    await w.mod.click(last(preview), label="Undo")
    assert len(await texts(w)) == 1
    page = await w.mod.slash(w.room, "history")
    await w.mod.click(last(page), label="1: Keep it")
    hand(w, first, TEXT_ACCESS, 0)
    await w.settle()
    assert await texts(w) == []
    hand(w, first, 0, VIEW_CHANNEL)
    await w.settle()
    assert len(await texts(w)) == 1


@on_discord
async def test_a_name_is_put_back(w: World) -> None:
    cohort = await made(w)
    await filled(w, cohort)
    where = place(w)
    w.env.backend.edit_channel(where, {"name": "our-cave"})
    await w.settle()
    page = await w.mod.slash(w.room, "history")
    assert "was renamed by hand" in text_of(page)
    await w.mod.click(last(page), label="1: Put it back")
    guild = w.bot.get_guild(w.guild.id)
    assert guild is not None
    renamed = guild.get_channel(where)
    assert renamed is not None
    assert renamed.name == "group-1"


@on_discord
async def test_only_moderators_decide(w: World) -> None:
    cohort = await made(w)
    first, _ = await filled(w, cohort)
    hand(w, first, 0, VIEW_CHANNEL)
    await w.settle()
    page = await w.mod.slash(w.room, "history")
    await settings.change(mod_of(w), keep_nicknames=False)
    await dismiss(w, w.mod)
    for label in ("1: Keep it", "1: Put it back"):
        refused = await w.mod.click(last(page), label=label)
        assert "Only moderators can do that" in text_of(refused)
    assert len(await texts(w)) == 1
