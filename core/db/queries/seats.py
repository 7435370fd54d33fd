"""Which seats are held: by members, and by people of a list who are not on the server yet."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from core.db.models import Expected, Membership, MembershipStatus


async def taken(session: AsyncSession, group_ids: Iterable[int]) -> dict[int, set[int]]:
    """The seat numbers in use, by group; one statement. Hold the groups' locks to rely on it."""
    ids = list(group_ids)
    held = union_all(
        select(Membership.group_id, Membership.seat).where(
            Membership.group_id.in_(ids),
            Membership.status == MembershipStatus.active,
            Membership.seat.is_not(None),
        ),
        select(Expected.group_id, Expected.seat).where(
            Expected.group_id.in_(ids), Expected.seat.is_not(None)
        ),
    )
    found: dict[int, set[int]] = {group_id: set() for group_id in ids}
    for group_id, seat in await session.execute(held):
        if seat is not None:
            found[group_id].add(seat)
    return found


def next_free(taken_seats: set[int], seats: int) -> int | None:
    """The smallest free number within the seats; None where as many are held as there are."""
    if len(taken_seats) >= seats:
        return None  # seats may have been reduced below numbers in use
    return next(n for n in range(1, seats + 1) if n not in taken_seats)


def beyond(taken_seats: set[int], seats: int) -> int:
    """The number for somebody who is put in past the seats: numbers go on above."""
    return max(taken_seats, default=seats) + 1
