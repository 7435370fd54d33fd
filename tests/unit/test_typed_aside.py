"""A list of dates takes seconds to read: whoever else types meanwhile is answered."""

from __future__ import annotations

import asyncio

from bot.ui import meeting_typed


async def test_the_loop_goes_on_while_a_list_of_dates_is_read() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    beside = asyncio.create_task(others())
    typed = ", ".join(f"{day} March" for day in range(1, 31))
    found = await meeting_typed.aside(meeting_typed.days, typed, "UTC")
    beside.cancel()
    assert len(found) == 30
    assert turns > 10
