"""Answers that a moderator enters for others, and one's own by command."""

from __future__ import annotations

from typing import Any

from core.db.engine import get_database
from core.db.meeting_models import Rsvp, Source
from core.db.models import Role
from core.operations import history, membership
from tests.e2e._acting import labels, last, mod_of, on_discord
from tests.e2e._answers import post_of, started
from tests.world import World, text_of


async def stored(meeting_id: int, user_id: int) -> tuple[str, str | None]:
    async with get_database().transaction() as session:
        row = await session.get_one(Rsvp, (meeting_id, user_id))
        return row.status, row.source


async def leading(w: World, group_id: int) -> Any:
    """Somebody who facilitates the group."""
    lead = w.members[4]
    await membership.add(mod_of(w), group_id, lead.id, lead.name, role=Role.facilitator)
    w.worker.bump([group_id])
    await w.settle()
    return lead


@on_discord
async def test_a_facilitator_answers_for_somebody_and_the_history_says_so(w: World) -> None:
    group_id, meeting_id, [ann, _, _] = await started(w)
    lead = await leading(w, group_id)
    panel = await lead.click(await post_of(w, group_id), label="Manage")
    who = await lead.click(last(panel), label="Answers")
    assert "No answer (4)" in text_of(who)
    whom = await lead.select(last(who), [str(ann.id)])
    assert f"What does {ann.name} say?" in text_of(whom)
    saved = await lead.select(last(whom), [f"{ann.id}:not_attending"])
    assert "✅ Saved." in text_of(saved)
    assert "Can't come (1)" in text_of(saved)
    assert await stored(meeting_id, ann.id) == ("not_attending", Source.moderator)
    [entry, *_] = await history.page(w.guild.id)
    assert (entry.action, entry.user_id) == ("answered_for", ann.id)
    await w.settle()
    assert f"Can't come (1)**: {ann.name}" in (await post_of(w, group_id)).content
    await ann.click(await post_of(w, group_id), label="Attending")  # the later answer wins
    assert await stored(meeting_id, ann.id) == ("attending", Source.button)


@on_discord
async def test_a_member_manages_nobodys_answers(w: World) -> None:
    group_id, _, [ann, _, _] = await started(w)
    refused = await ann.click(await post_of(w, group_id), label="Manage")
    assert "Only moderators and the facilitators of this group" in text_of(refused)
    # The panel of somebody who lost the rights since is worth nothing either.
    lead = await leading(w, group_id)
    panel = await lead.click(await post_of(w, group_id), label="Manage")
    who = await lead.click(last(panel), label="Answers")
    whom = await lead.select(last(who), [str(ann.id)])
    await membership.remove(mod_of(w), group_id, lead.id)
    late = await lead.select(last(whom), [f"{ann.id}:attending"])
    assert "Only moderators and the facilitators of this group" in text_of(late)


@on_discord
async def test_ones_own_answer_by_command(w: World) -> None:
    _, meeting_id, [ann, _, _] = await started(w)
    shown = await ann.slash(w.room, "meetings", answer="not_attending")
    assert "Week 3" in text_of(shown)
    assert await stored(meeting_id, ann.id) == ("not_attending", Source.command)
    nobody = await w.members[5].slash(w.room, "meetings", answer="attending")
    assert "No meeting is to come in your groups." in text_of(nobody)


@on_discord
async def test_my_home_shows_the_next_meeting_and_takes_a_no(w: World) -> None:
    _, meeting_id, [ann, _, _] = await started(w)
    mine = await ann.slash(w.room, "my")
    assert "Next meeting: <t:" in text_of(mine)
    assert labels(last(mine))[0] == "Can't come"
    done = await ann.click(last(mine), label="Can't come")
    assert "You can't come to Week 3" in text_of(done)
    assert await stored(meeting_id, ann.id) == ("not_attending", Source.button)
