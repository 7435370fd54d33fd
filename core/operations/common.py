"""What every operation needs: who asks, rows of their guild only, clean texts, the history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import utcnow
from core.config import GuildSettings
from core.db.models import AuditEntry, Cohort, Group, Guild
from core.errors import Refusal
from core.reconcile.cleaning import one_line, says_something
from core.reconcile.trace import KEY, Trace, stored
from core.words import mark, t

# What can be typed, and the sentences where it is empty or too long: whole ones, since other
# languages need another article for each.
What = Literal["name", "cohort's name", "group's name", "reason"]
_TYPED: dict[What, tuple[str, str]] = {
    "name": (
        mark("The name is empty. Type at least one letter."),
        mark("The name has {n} characters; {limit} are possible."),
    ),
    "cohort's name": (
        mark("The cohort's name is empty. Type at least one letter."),
        mark("The cohort's name has {n} characters; {limit} are possible."),
    ),
    "group's name": (
        mark("The group's name is empty. Type at least one letter."),
        mark("The group's name has {n} characters; {limit} are possible."),
    ),
    "reason": (
        mark("The reason is empty. Type at least one letter."),
        mark("The reason has {n} characters; {limit} are possible."),
    ),
}


@dataclass(frozen=True)
class Actor:
    """Who asks, in which guild. `moderator` was checked by the caller for this very call."""

    guild_id: int
    user_id: int
    name: str
    moderator: bool = False

    def must_moderate(self) -> None:
        """Raise Refusal unless the person is a moderator."""
        if not self.moderator:
            raise Refusal("not_allowed", t("Only moderators can do that. Nothing was changed."))


def clean(text: str, *, limit: int, what: What = "name") -> str:
    """One line without control or direction characters, at most `limit` characters.

    Raises Refusal where nothing is left, or it is too long. Mentions are neutralized where
    texts are shown (bot.ui.text), not here: the stored name stays what the person typed.
    """
    result = one_line(text)
    empty, too_long = _TYPED[what]
    if not says_something(result):
        raise Refusal("empty_name", t(empty))
    if len(result) > limit:
        raise Refusal("too_long", t(too_long, n=len(result), limit=limit))
    return result


_NEW_GUILD = text("""
    insert into guilds (id, name, joined_at) values (:id, :name, :now) on conflict do nothing
    """)
_GUILD = select(Guild).where(Guild.id == bindparam("id"))


async def ensure_guild(session: AsyncSession, guild_id: int, name: str = "") -> Guild:
    """The guild's row, made or revived where needed."""
    await session.execute(_NEW_GUILD, {"id": guild_id, "name": name[:100], "now": utcnow()})
    guild = (await session.scalars(_GUILD, {"id": guild_id})).one()
    if name and guild.name != name[:100]:
        guild.name = name[:100]
    return guild


_PERSON = text("""
    with known as (insert into users (id) values (:user) on conflict do nothing)
    insert into members (guild_id, user_id, name) values (:guild, :user, :name)
    on conflict (guild_id, user_id) do update set name = excluded.name
    """)


async def ensure_person(session: AsyncSession, guild_id: int, user_id: int, name: str) -> None:
    """The user's and member's rows; the name is refreshed, the stored nickname is not touched.

    Who has a name that shows nothing is called by their id.
    """
    name = name[:100] if one_line(name) else str(user_id)
    values = {"guild": guild_id, "user": user_id, "name": name}
    await session.execute(_PERSON, values)


_SETTINGS = select(Guild.settings).where(Guild.id == bindparam("id"))


async def guild_settings(session: AsyncSession, guild_id: int) -> GuildSettings:
    """What the guild's moderators chose; defaults where nothing was."""
    raw = await session.scalar(_SETTINGS, {"id": guild_id})
    return GuildSettings.model_validate(raw or {})


def _one_of(model: type[Cohort | Group]) -> dict[bool, Any]:
    """The query for a row of one guild, by whether the row is to be locked.

    The lock lets others refer to the row: a join holds its group and then points at the cohort,
    while an edit holds the cohort and then wants its groups; FOR UPDATE would be a deadlock.
    """
    query = select(model).where(model.id == bindparam("id"), model.guild_id == bindparam("guild"))
    return {False: query, True: query.with_for_update(key_share=True)}


_COHORT, _GROUP = _one_of(Cohort), _one_of(Group)


async def get_cohort(
    session: AsyncSession, guild_id: int, cohort_id: int, *, lock: bool = False
) -> Cohort:
    """A cohort of this guild. Raises Refusal(cohort_not_found) for any other."""
    row: Cohort | None = await session.scalar(_COHORT[lock], {"id": cohort_id, "guild": guild_id})
    if row is None:
        raise Refusal(
            "cohort_not_found", t("There is no such cohort here. It may have been closed.")
        )
    return row


async def get_group(
    session: AsyncSession, guild_id: int, group_id: int, *, lock: bool = False
) -> Group:
    """A group of this guild. Raises Refusal(group_not_found) for any other."""
    row: Group | None = await session.scalar(_GROUP[lock], {"id": group_id, "guild": guild_id})
    if row is None:
        raise no_group()
    return row


def no_group() -> Refusal:
    """What is said where a group is not of this guild, or not at all."""
    return Refusal("group_not_found", t("There is no such group here. It may have been closed."))


_AROUND = (
    select(Cohort, Guild.settings)
    .join(Guild, Guild.id == Cohort.guild_id)
    .where(Cohort.id == bindparam("id"))
)


async def group_with_all(
    session: AsyncSession, guild_id: int, group_id: int
) -> tuple[Group, Cohort, GuildSettings]:
    """A group of this guild, locked, with its cohort and the guild's settings.

    Two statements: the second one sees what was committed while the first waited for the lock.
    Raises Refusal(group_not_found) for any other group.
    """
    group = await get_group(session, guild_id, group_id, lock=True)
    cohort, settings = (await session.execute(_AROUND, {"id": group.cohort_id})).one()
    return group, cohort, GuildSettings.model_validate(settings)


def audit(
    session: AsyncSession,
    actor: Actor,
    action: str,
    *,
    cohort_id: int | None = None,
    group_id: int | None = None,
    user_id: int | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    trace: Trace | None = None,
    undoes_id: int | None = None,
) -> AuditEntry:
    """Write the history in the transaction of the change itself.

    `trace` is what undo needs: every row that changed. The entry has its id after a flush.
    """
    entry = AuditEntry(
        guild_id=actor.guild_id, at=utcnow(), actor_id=actor.user_id, action=action,
        cohort_id=cohort_id, group_id=group_id, user_id=user_id, undoes_id=undoes_id,
        before={**(before or {}), **({KEY: stored(trace)} if trace else {})}, after=after or {},
    )  # fmt: skip
    session.add(entry)
    return entry
