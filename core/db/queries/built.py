"""What statements that are built once have in common.

To build a statement costs about as much as to send it. So what every sync and every press sends is
a constant or comes from a cached function, and its values are given when it is sent. What writes
is of the table, not of the mapped class: the ORM would take it apart each time.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import BigInteger, Select, Table, bindparam

from core.db.base import Base

IDS = bindparam("ids", expanding=True, type_=BigInteger)  # a list of ids
Query = Select[*tuple[Any, ...]]


def table_of(model: type[Base]) -> Table:
    """The table behind a mapped class; its columns are in `.c`."""
    return cast("Table", model.__table__)
