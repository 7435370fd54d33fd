"""From what people choose or type to rows of their own guild, and back to labels.

Every choice has a unique label; the label works as well as the value, because some phones send
it instead, and because people type.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.engine import get_database
from core.db.models import Cohort, Group, Member, Membership
from core.errors import Refusal
from core.reconcile.trace import LIVE
from core.words import mark, t

CHOICES = 25  # Discord's limit for autocomplete and selects
_DIGITS = 18  # what a bigint of the database surely holds
_LABEL = 100  # Discord's limit for a choice's name
# The sentences where several things or nothing were meant, by what was looked for: whole ones,
# since other languages need another article for each. Anything else means either of the two.
_ASKED = {
    "cohort": (
        mark("More than one cohort fits: {names}. Which one?"),
        mark("No cohort here is called that. There are: {names}."),
    ),
    "meeting": (
        mark("More than one meeting fits: {names}. Which one?"),
        mark("There is no such meeting that you can manage. There are: {names}."),
    ),
    "group": (
        mark("More than one group fits: {names}. Which one?"),
        mark("No group here is called that. There are: {names}."),
    ),
}
_EITHER = (
    mark("More than one cohort or group fits: {names}. Which one?"),
    mark("No cohort or group here is called that. There are: {names}."),
)


@dataclass(frozen=True)
class Choice:
    """`label` is what people see, `value` what Discord sends back: "group:12"."""

    label: str
    value: str
    id: int


def id_in(value: str, kind: str = "") -> int:
    """The id in a choice's value: "group:12" of that kind, or "12" where none is given.

    0, which no row has, for anything else: what is asked with it says that there is no such thing.
    """
    number = value.strip().removeprefix(f"{kind}:" if kind else "")
    given = number.isdecimal() and len(number) <= _DIGITS and (not kind or number != value.strip())
    return int(number) if given else 0


def distinct(labels: Iterable[str]) -> list[str]:
    """Labels cut to Discord's limit; equal ones get a number.

    Of two equal labels Discord always selects the first (discord-api-docs#8565).
    """
    taken: set[str] = set()
    result = []
    for label in labels:
        shown, number = label[:_LABEL], 1
        while shown.lower() in taken:
            number += 1
            suffix = f" ({number})"
            shown = label[: _LABEL - len(suffix)] + suffix
        taken.add(shown.lower())
        result.append(shown)
    return result


def unique(pairs: list[tuple[int, str]], kind: str) -> list[Choice]:
    """Choices of this kind with `distinct` labels, from pairs of an id and a label."""
    labels = distinct(label for _, label in pairs)
    return [
        Choice(label, f"{kind}:{row_id}", row_id)
        for label, (row_id, _) in zip(labels, pairs, strict=True)
    ]


async def cohorts(guild_id: int, *, ended: bool = False) -> list[Choice]:
    """The guild's cohorts, newest first; only drafts and open ones unless `ended`."""
    async with get_database().alone() as session:
        query = select(Cohort.id, Cohort.name).where(Cohort.guild_id == guild_id)
        if not ended:
            query = query.where(Cohort.status.in_(("draft", "open")))
        rows = await session.execute(query.order_by(Cohort.id.desc()))
        return unique([(i, n) for i, n in rows], "cohort")


async def groups(guild_id: int, *, ended: bool = False) -> list[Choice]:
    """The guild's groups as "Group 2 · Stats autumn", newest cohort first."""
    async with get_database().alone() as session:
        query = (
            select(Group.id, Group.name, Cohort.name)
            .join(Cohort, Cohort.id == Group.cohort_id)
            .where(Group.guild_id == guild_id)
            .order_by(Cohort.id.desc(), Group.id)
        )
        if not ended:
            query = query.where(Group.status.in_(LIVE))
        rows = await session.execute(query)
        return unique([(i, f"{g} · {c}") for i, g, c in rows], "group")


def matching(choices: list[Choice], typed: str) -> list[Choice]:
    """At most 25 choices that contain what was typed, those that begin with it first."""
    want = typed.strip().lower()
    hits = [c for c in choices if want in c.label.lower()]
    return sorted(hits, key=lambda c: not c.label.lower().startswith(want))[:CHOICES]


def resolve(choices: list[Choice], typed: str, what: str) -> Choice:
    """The one choice that was meant, by value, label or unmistakable part of it.

    `what` was looked for: "cohort", "group", or anything else for either of them.
    `choices` come from the asker's own guild, so a made-up value finds nothing. Raises
    Refusal(not_found, ambiguous) with what could have been meant.
    """
    want = typed.strip().lower()
    ambiguous, unknown = _ASKED.get(what, _EITHER)
    for candidate in (
        [c for c in choices if c.value == want],
        [c for c in choices if c.label.lower() == want],
        [c for c in choices if c.label.lower().split(" · ")[0] == want],
        [c for c in choices if want and want in c.label.lower()],
    ):
        if len(candidate) == 1:
            return candidate[0]
        if candidate:
            names = ", ".join(f"“{c.label}”" for c in candidate[:5])
            raise Refusal("ambiguous", t(ambiguous, names=names))
    known = ", ".join(f"“{c.label}”" for c in choices[:5]) or t("none yet")
    raise Refusal("not_found", t(unknown, names=known))


@dataclass(frozen=True)
class Found:
    """A person with where they are: (group name, cohort name, role, status), newest first."""

    user_id: int
    name: str
    nickname: str | None
    groups: tuple[tuple[str, str, str, str], ...]


async def find_people(guild_id: int, query: str, *, limit: int = 10) -> list[Found]:
    """People of this guild that Muster knows, by a part of their name or stored nickname."""
    pattern = "%" + query.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    async with get_database().transaction() as session:
        rows = await session.execute(
            select(Member.user_id, Member.name, Member.nickname)
            .where(
                Member.guild_id == guild_id,
                or_(Member.name.ilike(pattern), Member.nickname.ilike(pattern)),
            )
            .order_by(Member.name)
            .limit(limit)
        )
        return [await _found(session, guild_id, *row) for row in rows.all()]


async def person(guild_id: int, user_id: int, name: str) -> Found:
    """One person with all their groups, also those that ended."""
    async with get_database().transaction() as session:
        nickname = await session.scalar(
            select(Member.nickname).where(Member.guild_id == guild_id, Member.user_id == user_id)
        )
        return await _found(session, guild_id, user_id, name, nickname)


async def _found(
    session: AsyncSession, guild_id: int, user_id: int, name: str, nickname: str | None
) -> Found:
    rows = await session.execute(
        select(Group.name, Cohort.name, Membership.role, Membership.status)
        .join(Group, Group.id == Membership.group_id)
        .join(Cohort, Cohort.id == Membership.cohort_id)
        .where(Membership.guild_id == guild_id, Membership.user_id == user_id)
        .order_by(Membership.id.desc())
        .limit(20)
    )
    return Found(user_id, name, nickname, tuple((g, c, r, s) for g, c, r, s in rows))
