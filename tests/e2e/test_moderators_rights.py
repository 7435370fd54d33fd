"""Who may use the moderators' commands, and how long work is shown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import discord
import pytest

from bot.ui import results
from core.clock import utcnow
from core.errors import Refusal
from core.operations import cohorts, groups, membership, merging, roster, settings
from core.operations.common import Actor
from tests.e2e._acting import (
    allow,
    dismiss,
    filled,
    last,
    made,
    mod_of,
    moderator_elsewhere,
    on_discord,
    sees,
    writes,
)
from tests.world import World, text_of

# --- progress and results ------------------------------------------------------------------------


@on_discord
async def test_one_lasting_post_edited_in_place(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = w.guild.create_text_channel("desk")
    await settings.change(mod_of(w), moderator_channel_id=desk.id)
    cohort = await made(w, open_now=False)
    await filled(w, cohort, index=0, people=1)
    await membership.add(mod_of(w), cohort.group_ids[1], w.members[1].id, "member2")
    monkeypatch.setattr(results, "EVERY", 0.0)
    preview = await w.mod.slash(w.room, "cohort open", cohort="Stats")
    before = len(w.env.http_requests)
    await w.mod.click(last(preview), label="Do it")
    posts = [m async for m in w.bot.get_channel(desk.id).history()]  # type: ignore[union-attr]
    assert len(posts) == 1
    assert "✅ **Stats: open for joining** · 3 groups" in posts[0].content
    assert f"<@{w.mod.id}>" in posts[0].content
    assert posts[0].mentions == [] or not posts[0].mention_everyone
    calls = [(r.method, r.path) for r in w.env.http_requests[before:]]
    edits = [p for m, p in calls if m == "PATCH" and f"/channels/{desk.id}/messages/" in p]
    assert len(edits) == 2  # posted after the first group, edited after the second and at the end
    answers = [p for m, p in calls if m == "PATCH" and "@original" in p]
    assert len(answers) == 4  # begun, two on the way, the end


@on_discord
async def test_work_goes_on_when_nobody_can_be_told(w: World) -> None:
    """The moderators' channel is gone, and the asker's answer can no longer be edited."""
    cohort = await made(w, open_now=False)
    people = await filled(w, cohort)
    desk = w.guild.create_text_channel("desk")
    await settings.change(mod_of(w), moderator_channel_id=desk.id)
    preview = await w.mod.slash(w.room, "group open", group="Group 1")
    assert "3 created" in text_of(preview)
    channel = w.bot.get_channel(desk.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.delete()
    preview = await w.mod.slash(w.room, "cohort close", cohort="Stats")
    w.env.inject_error("PATCH", "/webhooks/*", status=401, code=50027, message="no", times=None)
    await w.mod.click(last(preview), label="Do it")
    assert last(preview).content == "⏳ Working…"
    assert (await cohorts.show(w.guild.id, cohort.id)).status == "closed"
    assert sees(w, people[0], "group-1")
    assert not writes(w, people[0], "group-1")


@on_discord
async def test_edits_are_two_seconds_apart(w: World) -> None:
    cohort = await made(w, groups=9)
    now = 0.0

    class Sink:
        user, guild_id, message = w.mod, w.guild.id, None

        class response:  # noqa: N801 - as discord.py calls it
            @staticmethod
            def is_done() -> bool:
                return True

        shown: list[tuple[float, str]] = []  # noqa: RUF012 - one instance

        async def edit_original_response(self, *, content: str, view: Any) -> None:
            assert view is None
            self.shown.append((now, content))

    sink: Any = Sink()
    progress = results.Progress(sink, "Work", len(cohort.group_ids), clock=lambda: now)
    await progress.begin()
    for _ in cohort.group_ids:
        now += 0.7
        await progress.step()
    await progress.finish()
    times = [round(at, 1) for at, _ in sink.shown]
    assert times == [0.0, 2.1, 4.2, 6.3]
    assert "⏳ **Work** · 3 of 9 groups" in sink.shown[1][1]
    assert "✅ **Work**" in sink.shown[-1][1]


@on_discord
async def test_errors_are_grouped(w: World) -> None:
    cohort = await made(w, open_now=False, groups=3)
    for index, person in enumerate(w.members[:3]):
        await membership.add(mod_of(w), cohort.group_ids[index], person.id, person.name)
    desk = w.guild.create_text_channel("desk")
    await settings.change(mod_of(w), moderator_channel_id=desk.id)
    w.env.inject_error(
        "POST", f"/guilds/{w.guild.id}/channels", status=403, code=50013, message="no", times=9
    )
    preview = await w.mod.slash(w.room, "cohort open", cohort="Stats")
    await w.mod.click(last(preview), label="Do it")
    text = last(preview).content
    assert "⚠️ **Stats: open for joining** · 3 groups" in text
    assert "3 failed" in text
    assert "3 × " in text
    assert "`/sync status`" in text
    card = await w.mod.slash(w.room, "cohort show", cohort="Stats")
    assert "3 groups need attention" in text_of(card)


# --- rights --------------------------------------------------------------------------------------

COMMANDS: list[tuple[str, dict[str, str]]] = [
    ("cohort create", {}),
    ("cohort edit", {"cohort": "cohort:1"}),
    ("cohort show", {"cohort": "cohort:1"}),
    ("cohort open", {"cohort": "cohort:1"}),
    ("cohort close", {"cohort": "cohort:1"}),
    ("cohort cancel", {"cohort": "cohort:1"}),
    ("group create", {"cohort": "cohort:1"}),
    ("group edit", {"group": "group:1"}),
    ("group show", {"group": "group:1"}),
    ("group open", {"group": "group:1"}),
    ("group archive", {"group": "group:1"}),
    ("group merge", {"group": "group:1", "into": "group:2"}),
]


@on_discord
async def test_hidden_from_members_and_refused_in_code(w: World) -> None:
    cohort = await made(w)
    person = w.members[0]
    assert not [c for c in person.available_commands(w.room) if c.startswith(("cohort", "group "))]
    for name in ("cohort", "group"):
        allow(w, name, person)
    for command, options in COMMANDS:
        refused = await person.slash(w.room, command, **options)
        assert refused.modal is None, command
        assert "Only moderators can do that" in text_of(refused), command
    for command, option in (("cohort show", "cohort"), ("group show", "group")):
        assert await person.autocomplete(w.room, command, option, "") == []
    shown = await cohorts.show(w.guild.id, cohort.id)
    assert (shown.status, len(shown.groups)) == ("open", 3)


@on_discord
async def test_rights_lost_between_preview_and_press(w: World) -> None:
    cohort = await made(w)
    preview = await w.mod.slash(w.room, "cohort close", cohort="Stats")
    form = await w.mod.slash(w.room, "group create", cohort="Stats")
    card = await w.mod.slash(w.room, "cohort show", cohort="Stats")
    await dismiss(w, w.mod)
    for message, label in (
        (last(preview), "Do it"), (last(card), "Edit"), (last(card), "Close"),
        (last(card), "Cancel cohort"),
    ):  # fmt: skip
        refused = await w.mod.click(message, label=label)
        assert refused.modal is None
        assert "Only moderators can do that" in text_of(refused)
    refused = await w.mod.submit_modal(form, {"name": "Mine", "seats": "4"})
    assert "Only moderators can do that" in text_of(refused)
    shown = await cohorts.show(w.guild.id, cohort.id)
    assert (shown.status, len(shown.groups)) == ("open", 3)


@on_discord
async def test_nothing_of_another_guild(w: World) -> None:
    """A moderator of guild B tries everything of guild A: by value, by label, by button."""
    cohort = await made(w, "Secret")
    await filled(w, cohort)
    room, thief = await moderator_elsewhere(w)
    requests = len(w.env.http_requests)
    for command, options in COMMANDS[1:]:
        for kind in ("value", "label"):
            tried = dict(options)
            if kind == "label":
                tried = {
                    k: "Secret" if v.startswith("cohort") else f"Group {v[-1]} · Secret"
                    for k, v in options.items()
                }
            refused = await thief.slash(room, command, **tried)
            assert refused.modal is None, command
            assert "here is called that. There are: none yet" in text_of(refused), command
    for command, option in (
        ("cohort show", "cohort"), ("group show", "group"), ("group merge", "into"),
        ("group create", "cohort"),
    ):  # fmt: skip
        for typed in ("", "Secret", "group:1", "cohort:1"):
            assert await thief.autocomplete(room, command, option, typed) == []
    ours = [r for r in w.env.http_requests[requests:] if str(w.guild.id) in r.path]
    assert ours == []
    shown = await cohorts.show(w.guild.id, cohort.id)
    assert (shown.status, len(shown.groups), shown.people) == ("open", 3, 2)


@on_discord
async def test_operations_behind_buttons_are_scoped(w: World) -> None:
    """What buttons and forms run, handed an id of another guild; the guild is the presser's."""
    cohort = await made(w, "Secret")
    stranger = Actor(w.guild.id + 1, w.mod.id, "x", moderator=True)
    for call in (
        cohorts.open_(stranger, cohort.id), cohorts.close(stranger, cohort.id),
        cohorts.cancel(stranger, cohort.id), cohorts.edit(stranger, cohort.id, name="x"),
        groups.create(stranger, cohort.id, "x"), groups.edit(stranger, 1, name="x"),
        groups.open_(stranger, 1), groups.archive(stranger, 1), merging.merge(stranger, 1, 2),
        roster.of_group(stranger.guild_id, 1), roster.preview_move(stranger.guild_id, 1, w.mod.id),
        roster.preview_merge(stranger.guild_id, 1, 2),
        membership.remove(stranger, 1, w.mod.id), membership.move(stranger, 1, w.mod.id, "x"),
    ):  # fmt: skip
        with pytest.raises(Refusal, match="There is no such"):
            await call


@on_discord
async def test_outside_a_server(w: World) -> None:
    shown = w.mod.user.available_commands()
    assert not [c for c in shown if c.startswith(("cohort", "group ", "member"))]


def test_first_day_is_a_monday() -> None:
    from bot.ui.cohort_form import first_day

    for offset in range(10):
        today = utcnow().date() + timedelta(days=offset)
        start = first_day(today)
        assert start.weekday() == 0
        assert 7 < (start - today).days <= 14


def test_totals_add_up_over_groups_and_systems() -> None:
    quiet: Any = {"meetings": 0}
    totals = results.Totals()
    for problems, failed in ((["Muster lacks Manage Roles."] * 12 + ["the channel is gone"], 13),
                             (["Muster lacks Manage Roles"], 1)):  # fmt: skip
        part: Any = {
            "granted": 2, "revoked": 1, "unchanged": 0, "failed": failed, "existed": 3,
            "created": 1, "problems": problems,
        }  # fmt: skip
        totals.add({"discord": part, "calendar": {"error": "no **link**"}, "reminders": quiet,
                    "rsvps": quiet})  # fmt: skip
    assert totals.summary() == "6 existed · 2 created · 4 granted · 2 revoked · 16 failed"
    assert totals.troubles() == [
        "⚠️ 13 × Muster lacks Manage Roles",
        "⚠️ 2 × Calendar: no \\*\\*link\\*\\*",
        "⚠️ 1 × the channel is gone",
    ]
