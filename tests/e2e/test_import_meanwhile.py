"""Between an import's preview and its last press: rights, groups and Discord change."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from core.db.engine import get_database
from core.db.models import AuditEntry
from core.operations import cohorts, group_views, membership
from tests.e2e._acting import (
    allow,
    dismiss,
    last,
    made,
    mod_of,
    moderator_elsewhere,
    on_discord,
    sees,
)
from tests.e2e._importing import memberships, pasted, press
from tests.world import World, text_of


@on_discord
async def test_who_came_while_nobody_listened(w: World) -> None:
    """Between the preview and [Do it], or while the bot was away."""
    await made(w, groups=1)
    shown = await pasted(w, "@zoe")
    await press(w, last(shown), "Spread evenly")
    zoe = w.guild.add_member(w.env.create_user("zoe"))
    await w.settle()
    await press(w, last(shown), "Do it")
    assert await memberships() == {zoe.id: (await group_views.of_member(w.guild.id, zoe.id))[0].id}
    assert sees(w, zoe, "group-1")


@on_discord
@pytest.mark.parametrize("steps", [(), ("Spread evenly",), ("Decide 1 unclear",)])
async def test_rights_are_asked_at_every_press(w: World, steps: tuple[str, ...]) -> None:
    await made(w)
    shown = await pasted(w, "member1\nmembr2" if steps[:1] == ("Decide 1 unclear",) else "member1")
    message = last(shown)
    await press(w, message, *steps)
    await dismiss(w, w.mod)
    before = message.content
    for part in [c for row in message.components for c in row["components"]]:
        pressed = {"custom_id": part["custom_id"]}
        if "options" in part:
            refused = await w.mod.select(message, [part["options"][0]["value"]], **pressed)
        else:
            refused = await w.mod.click(message, **pressed)
        assert "Only moderators can do that." in text_of(refused), part
    assert message.content == before
    assert await memberships() == {}


@on_discord
async def test_the_form_is_refused_as_well(w: World) -> None:
    await made(w)
    form = await w.mod.slash(w.room, "member import", cohort="Stats")
    await dismiss(w, w.mod)
    refused = await w.mod.submit_modal(form, {"lines": "member1"})
    assert "Only moderators can do that." in text_of(refused)
    allow(w, "member", w.members[0])
    refused = await w.members[0].slash(w.room, "member import", cohort="Stats")
    assert "Only moderators can do that." in text_of(refused)
    assert refused.modal is None


@on_discord
async def test_another_guilds_moderator_reaches_nothing(w: World) -> None:
    await made(w)
    room, stranger = await moderator_elsewhere(w)
    refused = await stranger.slash(room, "member import", cohort="Stats")
    assert "No cohort here is called that" in text_of(refused)
    assert "Stats" not in text_of(refused)


@on_discord
async def test_the_cohort_is_closed_meanwhile(w: World) -> None:
    cohort = await made(w)
    shown = await pasted(w, "member1")
    await press(w, last(shown), "Spread evenly")
    await cohorts.close(mod_of(w), cohort.id)
    await press(w, last(shown), "Do it")
    assert "This cohort is closed; it takes nobody any more." in last(shown).content
    assert await memberships() == {}
    refused = await w.mod.slash(w.room, "member import", cohort="Stats")
    assert "This cohort is closed" in text_of(refused)


@on_discord
async def test_the_groups_change_meanwhile(w: World) -> None:
    """A seat is taken before [Do it]: nothing is done, the new numbers are shown."""
    cohort = await made(w, groups=1, seats=2)
    shown = await pasted(w, "member1\nmember2")
    await press(w, last(shown), "Spread evenly")
    await membership.add(mod_of(w), cohort.group_ids[0], w.members[4].id, "member5")
    await press(w, last(shown), "Do it")
    assert "The groups changed in the meantime, so nothing was done." in last(shown).content
    assert "1 person does not fit." in last(shown).content
    assert len(await memberships()) == 1
    await press(w, last(shown), "Do it")
    assert len(await memberships()) == 2


@on_discord
async def test_a_post_that_fails_is_told(w: World) -> None:
    await made(w, groups=1)
    shown = await pasted(w, "member1")
    await press(w, last(shown), "Spread evenly")
    w.env.inject_error(
        "POST", "/channels/*/messages", status=403, code=50013, message="no", times=9
    )
    await press(w, last(shown), "Do it")
    assert "1 × Muster lacks a permission" in last(shown).content
    assert len(await memberships()) == 1
    async with get_database().transaction() as session:
        actions = await session.scalars(select(AuditEntry.action))
        assert list(actions).count("members_imported") == 1
