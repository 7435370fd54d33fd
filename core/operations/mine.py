"""What a person decides about themselves, and what is stored about them. Not of one server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from core.clock import utcnow
from core.db.engine import get_database
from core.db.models import AuditEntry, Cohort, Group, Member, Membership, SeatWatch, User
from core.errors import Refusal
from core.operations.common import Actor
from core.words import LANGUAGES, t


@dataclass(frozen=True)
class Mine:
    """`language` of messages to the person; None: the server's."""

    messages: bool = True
    language: str | None = None


async def settings(actor: Actor) -> Mine:
    """What the person chose; defaults before that."""
    async with get_database().transaction() as session:
        user = await session.get(User, actor.user_id)
        return Mine(user.dm_enabled, user.language) if user else Mine()


async def change(actor: Actor, **changes: Any) -> Mine:
    """Change `messages` (bool) or `language` (a key of LANGUAGES, or None).

    Raises Refusal(unknown_choice).
    """
    language = changes.get("language")
    if language is not None and language not in LANGUAGES:
        raise Refusal("unknown_choice", t("That choice is not known."))
    async with get_database().transaction() as session:
        await session.execute(insert(User).values(id=actor.user_id).on_conflict_do_nothing())
        user = await session.get_one(User, actor.user_id, with_for_update=True)
        if "messages" in changes:
            user.dm_enabled = bool(changes["messages"])
        if "language" in changes:
            user.language = language
        return Mine(user.dm_enabled, user.language)


async def data(actor: Actor) -> dict[str, Any]:
    """Everything that is stored about the person on this server, ready for JSON. Times are UTC."""
    here, me = actor.guild_id, actor.user_id
    async with get_database().transaction() as session:
        user = await session.get(User, me)
        member = await session.get(Member, (here, me))
        groups = await session.execute(
            select(Membership, Group.name, Cohort.name)
            .join(Group, Group.id == Membership.group_id)
            .join(Cohort, Cohort.id == Membership.cohort_id)
            .where(Membership.guild_id == here, Membership.user_id == me)
            .order_by(Membership.id)
        )
        watches = await session.execute(
            select(SeatWatch.created_at, Group.name)
            .join(Group, Group.id == SeatWatch.group_id)
            .where(SeatWatch.guild_id == here, SeatWatch.user_id == me)
        )
        history = await session.execute(
            select(AuditEntry.at, AuditEntry.action)
            .where(
                AuditEntry.guild_id == here,
                (AuditEntry.actor_id == me) | (AuditEntry.user_id == me),
            )
            .order_by(AuditEntry.id)
        )
        return {
            "written": _time(utcnow()),
            "discord_id": str(me),
            "settings": {
                "messages": user.dm_enabled if user else True,
                "language": user.language if user else None,
                "zone": user.zone if user else None,
            },
            "names": {"name": member.name, "nickname": member.nickname} if member else {},
            "groups": [
                {
                    "group": group, "cohort": cohort, "as": m.role, "status": m.status,
                    "reason": m.reason, "from": _time(m.created_at), "to": _time(m.ended_at),
                }
                for m, group, cohort in groups
            ],
            "waiting_for_a_seat": [{"group": n, "since": _time(at)} for at, n in watches],
            "history": [{"at": _time(at), "what": what} for at, what in history],
        }  # fmt: skip


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
