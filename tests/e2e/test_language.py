"""Who reads which language: answers follow the person's Discord, posts follow the server."""

from __future__ import annotations

import gettext
from collections.abc import Callable
from typing import Any

import pytest
import simcord.interactions

from bot.cogs import groups as groups_cog
from core import words
from core.operations import membership, people, settings
from tests.e2e._acting import filled, labels, last, made, mod_of, on_discord
from tests.world import World, text_of

German = Callable[[Any], None]


class Brackets(gettext.NullTranslations):
    """A German in which every sentence is the English one in brackets."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"


@pytest.fixture(autouse=True)
def brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    """That German instead of the real one, which says the same things differently every month."""
    catalogs = {"en": gettext.NullTranslations(), "de": Brackets()}
    monkeypatch.setattr(words, "_catalog", catalogs.__getitem__)


@pytest.fixture
def german(monkeypatch: pytest.MonkeyPatch) -> German:
    """Sets the given person's Discord to German. SimCord's people all speak American English."""
    theirs: set[int] = set()
    original = simcord.interactions.base_payload

    def base_payload(backend: Any, **given: Any) -> Any:
        record, payload = original(backend, **given)
        if given["user_id"] in theirs:
            payload["locale"] = "de"
        return record, payload

    monkeypatch.setattr(simcord.interactions, "base_payload", base_payload)
    return lambda person: theirs.add(person.id)


async def server_speaks(w: World, language: str, **more: Any) -> None:
    await settings.change(mod_of(w), language=language, **more)


def posts_in(room: Any, what: str) -> list[str]:
    return [m.content for m in room.history() if what in m.content]


# --- private answers -----------------------------------------------------------------------------


@on_discord
async def test_each_person_reads_their_own_language(w: World, german: German) -> None:
    """In a German server too; and a lasting button does not remember who made it."""
    await made(w)
    await server_speaks(w, "de")
    here, there = w.members[:2]
    german(here)
    german_home = await here.slash(w.room, "my")
    english_home = await there.slash(w.room, "my")
    no_group = "You have no group yet. Pick one and its channels appear for you."
    assert text_of(german_home) == f"⟦{no_group}⟧"
    assert labels(german_home.response)[0] == "⟦Find a group⟧"
    assert text_of(english_home) == no_group
    assert labels(english_home.response)[0] == "Find a group"
    listed = await here.click(german_home.response, label="⟦Find a group⟧")
    assert "⟦starts Mo. 2. März 2026⟧" in text_of(listed)
    assert "⟦8 of 8 seats free⟧" in text_of(listed)
    listed = await there.click(english_home.response, label="Find a group")
    assert "starts Mon 2 March 2026" in text_of(listed)
    assert "⟦" not in text_of(listed)


@on_discord
async def test_refusals_forms_and_previews_are_theirs(w: World, german: German) -> None:
    await made(w)
    german(w.mod)
    refused = await w.mod.slash(w.room, "member find")
    assert text_of(refused) == "⟦Type a part of a name, or choose a person.⟧"
    form = await w.mod.slash(w.room, "group create", cohort="Stats")
    assert form.modal["title"] == "⟦New group⟧"
    wrong = await w.mod.submit_modal(form, {"name": "Group 9", "seats": "many"})
    assert text_of(wrong) == "⟦⟦Seats⟧: “many” is no whole number. Type digits, like 8.⟧"
    assert labels(wrong.response) == ["⟦Edit again⟧"]
    preview = await w.mod.slash(w.room, "group archive", group="Group 1")
    assert labels(last(preview)) == ["⟦Do it⟧", "⟦Cancel⟧"]
    await w.mod.click(last(preview), label="⟦Cancel⟧")
    assert last(preview).content == "⟦Cancelled. Nothing changed.⟧"


# --- what everybody reads ------------------------------------------------------------------------


@on_discord
@pytest.mark.parametrize("language", ["en", "de"])
async def test_the_posted_list_is_the_servers(w: World, german: German, language: str) -> None:
    """Whoever has it posted, and whoever makes it change."""
    await made(w, groups=1)
    await server_speaks(w, language)
    asker, joiner = w.mod, w.members[0]
    if language == "en":
        german(asker)
        german(joiner)
    listed = await asker.slash(w.room, "groups")
    private = str if language == "de" else "⟦{}⟧".format
    answer = await asker.click(listed.response, label=private("Post the list here"))
    assert text_of(answer).startswith(private("Posted and pinned")[:18])
    (before,) = posts_in(w.room, "Find your group")
    listed = await joiner.slash(w.room, "groups")
    await joiner.select(listed.response, ["group:1"])
    await w.settle()
    (after,) = posts_in(w.room, "Find your group")
    assert before != after
    public = "⟦{}⟧".format if language == "de" else str
    for text, seats in ((before, 8), (after, 7)):
        assert text.startswith(public("👋 **Find your group**"))
        assert public(f"{seats} of 8 seats free") in text
        assert language == "de" or "⟦" not in text
    (posted,) = w.room.pinned_messages()
    (button,) = [child for row in posted.components for child in row.children]
    assert button.label == public("Join a group")


@on_discord
async def test_the_posted_list_changes_with_the_server(w: World) -> None:
    await made(w, groups=1)
    listed = await w.mod.slash(w.room, "groups")
    await w.mod.click(listed.response, label="Post the list here")
    await server_speaks(w, "de")
    await groups_cog.refresh_posts(w.guild.id)
    (now,) = posts_in(w.room, "Find your group")
    assert now.startswith("⟦👋 **Find your group**⟧")


@on_discord
@pytest.mark.parametrize("language", ["en", "de"])
async def test_progress_in_two_languages(w: World, german: German, language: str) -> None:
    """The asker's answer in theirs, the moderators' channel in the server's: sums and notes too."""
    cohort = await made(w)
    await filled(w, cohort)
    desk = w.guild.create_text_channel("desk")
    await server_speaks(w, language, moderator_channel_id=desk.id)
    if language == "en":
        german(w.mod)
    private, public = ("⟦{}⟧".format, str) if language == "en" else (str, "⟦{}⟧".format)
    preview = await w.mod.slash(w.room, "group merge", group="Group 1", into="Group 2")
    await w.mod.click(last(preview), label=private("Do it"))
    (post,) = posts_in(desk, "merged into")
    for text, said in ((last(preview).content, private), (post, public)):
        assert f"✅ **{said('Group 1 merged into Group 2 · Stats')}** · {said('2 groups')}" in text
        assert said("2 people moved.") in text
        assert said("Nothing is deleted.") in text
        assert said("3 existed · 2 created · 2 granted · 2 revoked · 0 failed") in text
        assert ("⟦" in text) is ("⟦" in said(""))


@on_discord
async def test_problems_in_two_languages(w: World) -> None:
    cohort = await made(w)
    person = w.members[0]
    await membership.add(mod_of(w), cohort.group_ids[0], person.id, person.name)
    desk = w.guild.create_text_channel("desk")
    await server_speaks(w, "de", moderator_channel_id=desk.id)
    w.env.inject_error(
        "POST", f"/guilds/{w.guild.id}/channels", status=403, code=50013, message="no", times=1
    )
    shown = await w.mod.slash(w.room, "group open", group="Group 1")
    (post,) = posts_in(desk, "channels created")
    problem = "Muster lacks a permission, or its role is too low"
    assert f"⚠️ 1 × {problem}" in last(shown).content
    assert f"⚠️ 1 × ⟦{problem}⟧" in post
    assert "⟦Everything else was done." in post
    assert "⟦" not in last(shown).content


@on_discord
async def test_the_audit_log_is_the_servers(w: World) -> None:
    """What Muster does by itself, and what somebody with an English Discord asked for."""
    cohort = await made(w)
    await server_speaks(w, "de")
    person = w.members[0]
    await people.nickname_changed(w.guild.id, person.id, person.name, "Captain")
    await membership.add(mod_of(w), cohort.group_ids[0], person.id, person.name)
    w.guild.remove_member(person)
    await w.settle()
    w.guild.add_member(person.user)
    await w.settle()
    await w.mod.slash(w.room, "member add", member=w.members[1], group="Group 2")
    reasons = [entry.reason for entry in w.guild.audit_log() if entry.reason]
    assert "⟦Muster: the stored nickname⟧" in reasons
    assert "⟦Muster: Group 2 (Stats), asked by mod⟧" in reasons
    assert all(reason.startswith("⟦Muster:") for reason in reasons)
