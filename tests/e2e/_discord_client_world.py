"""The process of the simulated Discord, its world, and what can be read from it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Self, cast

import aiohttp

from tests.e2e.discord_server import forked
from tests.e2e.launcher import fork

Json = dict[str, Any]

#: Least-privilege bits for channels, roles, threads, events and nicknames (reference: discord.md).
BOT_PERMISSIONS = 17996318854160
TEXT, VOICE, CATEGORY = 0, 2, 4


class Impossible(Exception):
    """Nobody could do this on the real Discord, or a wait was in vain; the text says why."""


@dataclass(frozen=True)
class Interaction:
    """What the bot has answered to one interaction so far.

    ``message`` is the response as it is now (edits included), ``followups`` the later messages,
    ``answers`` every callback, edit, follow-up and deletion in order with ``status`` and ``body``.
    ``ack_ms`` is the time from sending the event to the first callback's arrival. ``complete``
    is false while a "thinking…" state or a deferred update stands unanswered.
    """

    id: int
    channel_id: int
    user_id: int
    acknowledged: bool
    ack_ms: float | None
    kind: str | None
    loading: bool
    ephemeral: bool
    complete: bool
    message: Json | None
    followups: list[Json]
    modal: Json | None
    choices: list[Json] | None
    answers: list[Json]

    @property
    def text(self) -> str:
        """Everything that the person sees of it, as one searchable JSON text."""
        shown = [self.message, self.followups, self.modal, self.choices]
        return json.dumps(shown, ensure_ascii=False)

    @property
    def message_id(self) -> int:
        """Id of the response message. Raises ValueError if there is none."""
        if self.message is None:
            raise ValueError("the interaction was not answered with a message")
        return int(self.message["id"])


class ServerProcess:
    """The process of a simulated Discord; a context manager that many tests can share.

    ``openapi`` names Discord's OpenAPI description ("" switches validation off, None takes the
    default place). Raises RuntimeError if the process does not come up.
    """

    def __init__(self, *, seed: str = "empty", openapi: str | None = None, port: int = 0) -> None:
        self._arguments = ["--seed", seed, "--port", str(port)]
        if openapi is not None:
            self._arguments += ["--openapi", openapi]
        self._process: BaseProcess | None = None
        self.line: Json = {}

    def __enter__(self) -> Self:
        ours, theirs = Pipe(duplex=False)
        with ours:
            with theirs:
                self._process = fork(forked, self._arguments, theirs)
            try:
                self.line = json.loads(ours.recv())
            except EOFError:
                self.__exit__()
                text = "the simulated Discord did not start; see its stderr above"
                raise RuntimeError(text) from None
        return self

    def __exit__(self, *_error: object) -> None:
        process = self._process
        if process is None:
            return
        process.terminate()
        process.join(10)
        if process.is_alive():
            process.kill()
            process.join()


class WorldClient:
    """A simulated Discord; an async context manager.

    ``seed`` is "empty" or "small" (a guild with a moderator and ten members; its ids are in
    ``self.seed``). With ``process`` it renews the world in a shared process, which takes
    milliseconds; without, it starts a process of its own (``openapi`` and ``port`` as there).
    """

    def __init__(
        self,
        *,
        seed: str = "empty",
        openapi: str | None = None,
        port: int = 0,
        process: ServerProcess | None = None,
    ) -> None:
        self._shared = process
        self._own = ServerProcess(seed=seed, openapi=openapi, port=port) if not process else None
        self._seed_name = seed
        self._session: aiohttp.ClientSession | None = None
        self.api = self.gateway_url = self.control = ""
        self.pid = self.application_id = self.bot_id = 0
        self.seed: Json = {}

    @property
    def environment(self) -> dict[str, str]:
        """The settings that point the product at this server."""
        return {"DISCORD_API_BASE": self.api, "DISCORD_GATEWAY_URL": self.gateway_url}

    def _learn(self, line: Json) -> None:
        self.api, self.gateway_url, self.control = line["api"], line["gateway"], line["control"]
        self.pid, self.seed = line["pid"], line["seed"]
        self.application_id, self.bot_id = line["application_id"], line["bot_id"]

    async def __aenter__(self) -> Self:
        if self._own is not None:
            await asyncio.to_thread(self._own.__enter__)
            self._learn(self._own.line)
        self._session = aiohttp.ClientSession()
        if self._shared is not None:
            self._learn(self._shared.line)
            await self.renew(self._seed_name)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()
        if self._own is not None:
            await asyncio.to_thread(self._own.__exit__)

    async def renew(self, seed: str = "empty") -> None:
        """Replace the whole world; settings, faults, logs and sessions are forgotten."""
        self._learn(await self.call("renew", seed=seed))

    async def call(self, name: str, /, **arguments: Any) -> Any:
        """Make a control call. Raises Impossible with the server's words if it refuses."""
        if self._session is None:
            raise RuntimeError("the simulated Discord is not running")
        async with self._session.post(f"{self.control}/{name}", json=arguments) as response:
            answer = await response.json()
        if response.status != 200:
            raise Impossible(answer["error"])
        return answer["result"]

    # ------------------------------------------------------------- the world

    async def create_guild(
        self,
        name: str = "Guild",
        *,
        bot_permissions: int = BOT_PERMISSIONS,
        owner_id: int | None = None,
        everyone: int | None = None,
    ) -> Json:
        """A guild with the bot in it: {id, owner_id, bot_role_id}."""
        given = {"bot_permissions": bot_permissions, "owner_id": owner_id, "everyone": everyone}
        return cast("Json", await self.call("create_guild", name=name, **given))

    async def create_role(
        self, guild_id: int, name: str, permissions: int = 0, position: int | None = None
    ) -> int:
        """A role just above @everyone (or at ``position``); its id."""
        given = {"permissions": permissions, "position": position}
        return int(await self.call("create_role", guild_id=guild_id, name=name, **given))

    async def edit_role(self, guild_id: int, role_id: int, **changes: Any) -> None:
        """Change name, permissions, position, … by hand."""
        await self.call("edit_role", guild_id=guild_id, role_id=role_id, changes=changes)

    async def delete_role(self, guild_id: int, role_id: int) -> None:
        """Delete a role by hand."""
        await self.call("delete_role", guild_id=guild_id, role_id=role_id)

    async def add_member(
        self,
        guild_id: int,
        name: str,
        *,
        user_id: int | None = None,
        roles: tuple[int, ...] = (),
        nick: str | None = None,
        pending: bool = False,
        bot: bool = False,
    ) -> int:
        """Somebody joins; give ``user_id`` for a person known from another guild. Their id."""
        given = {"user_id": user_id, "roles": list(roles), "nick": nick}
        flags = {"pending": pending, "bot": bot}
        answer = await self.call("add_member", guild_id=guild_id, name=name, **given, **flags)
        return int(answer)

    async def edit_member(self, guild_id: int, user_id: int, **changes: Any) -> None:
        """Change ``nick``, ``roles`` (list of ids) or ``pending`` by hand."""
        await self.call("edit_member", guild_id=guild_id, user_id=user_id, changes=changes)

    async def remove_member(self, guild_id: int, user_id: int) -> None:
        """Somebody leaves."""
        await self.call("remove_member", guild_id=guild_id, user_id=user_id)

    async def create_channel(
        self,
        guild_id: int,
        name: str,
        *,
        kind: int = TEXT,
        parent_id: int | None = None,
        overwrites: tuple[Json, ...] = (),
    ) -> int:
        """A channel made by hand (kind: TEXT, VOICE, CATEGORY); its id."""
        given = {"kind": kind, "parent_id": parent_id, "overwrites": list(overwrites)}
        return int(await self.call("create_channel", guild_id=guild_id, name=name, **given))

    async def edit_channel(self, channel_id: int, **changes: Any) -> None:
        """Change name, topic, parent_id, position, … by hand."""
        await self.call("edit_channel", channel_id=channel_id, changes=changes)

    async def delete_channel(self, channel_id: int) -> None:
        """Delete a channel by hand."""
        await self.call("delete_channel", channel_id=channel_id)

    async def set_overwrite(
        self, channel_id: int, target_id: int, *, role: bool, allow: int = 0, deny: int = 0
    ) -> None:
        """Set one overwrite by hand, for a role or a member."""
        entry = {"id": target_id, "type": 0 if role else 1, "allow": allow, "deny": deny}
        await self.call("set_overwrite", channel_id=channel_id, overwrite=entry)

    async def delete_overwrite(self, channel_id: int, target_id: int) -> None:
        """Remove one overwrite by hand."""
        await self.call("delete_overwrite", channel_id=channel_id, target_id=target_id)

    async def post(self, channel_id: int, user_id: int, content: str) -> int:
        """Somebody writes a message; its id."""
        given = {"channel_id": channel_id, "user_id": user_id, "content": content}
        return int(await self.call("post", **given))

    async def delete_message(self, channel_id: int, message_id: int) -> None:
        """Delete a message by hand."""
        await self.call("delete_message", channel_id=channel_id, message_id=message_id)

    async def close_dms(self, user_id: int, *, closed: bool = True) -> None:
        """From now on DMs to this person fail with 403 50007 (or work again)."""
        await self.call("close_dms", user_id=user_id, closed=closed)

    async def move_voice(self, guild_id: int, user_id: int, channel_id: int | None) -> None:
        """Somebody joins a voice channel, moves to it, or leaves (None)."""
        given = {"guild_id": guild_id, "user_id": user_id, "channel_id": channel_id}
        await self.call("move_voice", **given)

    async def advance_clock(self, seconds: float) -> None:
        """Move Discord's clock ahead of real time; due scheduled events start and end."""
        await self.call("advance_clock", seconds=seconds)

    # --------------------------------------------------------------- reading

    async def dump(self, guild_id: int, *, messages: bool = False) -> Json:
        """Roles, members, channels (with overwrites, messages on demand), events, audit log."""
        return cast("Json", await self.call("dump", guild_id=guild_id, messages=messages))

    async def messages(self, channel_id: int) -> list[Json]:
        """Messages of a channel, oldest first, ephemeral ones (flags & 64) too."""
        return cast("list[Json]", await self.call("messages", channel_id=channel_id))

    async def direct_messages(self, user_id: int) -> list[Json]:
        """Messages in the bot's DM channel with somebody, oldest first."""
        return cast("list[Json]", await self.call("direct_messages", user_id=user_id))

    async def permissions(self, guild_id: int, user_id: int, channel_id: int | None = None) -> int:
        """Effective permission bits of somebody, in the guild or in a channel."""
        given = {"guild_id": guild_id, "user_id": user_id, "channel_id": channel_id}
        return int(await self.call("permissions", **given))

    async def visible_channels(self, guild_id: int, user_id: int) -> list[int]:
        """Ids of the channels that somebody can see."""
        answer = await self.call("visible_channels", guild_id=guild_id, user_id=user_id)
        return cast("list[int]", answer)

    async def commands(self, guild_id: int | None = None) -> list[Json]:
        """The commands that the bot has synced, global or of a guild."""
        return cast("list[Json]", await self.call("commands", guild_id=guild_id))

    async def calls(self, after: int = 0) -> list[Json]:
        """The REST log from entry ``after`` on.

        Each entry: n, method, path, route, at (Unix time), ms, status, body, answer, reason,
        fault. ``status`` is None while a call hangs or was cut off.
        """
        return cast("list[Json]", await self.call("calls", after=after))

    async def violations(self) -> list[Json]:
        """Bodies that break Discord's description (kind schema), and gaps of SimCord (gap)."""
        return cast("list[Json]", await self.call("violations"))

    async def status(self) -> Json:
        """Counters: ``gateway``, ``statuses`` ("429", "429_global", "invalid", …), ``calls``."""
        return cast("Json", await self.call("status"))
