"""Which seats are held: by members, and by people of a list who are not on the server yet."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_HELD = text("""
    select group_id, seat from memberships
    where group_id = any(:ids) and status = 'active' and seat is not null
    union all
    select group_id, seat from expected where group_id = any(:ids) and seat is not null
    """)


async def taken(session: AsyncSession, group_ids: Iterable[int]) -> dict[int, set[int]]:
    """The seat numbers in use, by group; one statement. Hold the groups' locks to rely on it."""
    found: dict[int, set[int]] = {group_id: set() for group_id in group_ids}
    for group_id, seat in await session.execute(_HELD, {"ids": list(found)}):
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
