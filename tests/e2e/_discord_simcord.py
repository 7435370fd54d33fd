"""The adapter to SimCord 3.2.1: its in-memory backend as a plain request/answer and event source.

SimCord's internals may change between patch releases (it is pinned exactly), so only this
module and its siblings ``_discord_people`` and ``_discord_world`` import it; everything around
them speaks JSON. Ids are Discord snowflakes as ``int``, times are UTC, bodies are Discord's JSON
objects.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import discord
import simcord.http.routes  # noqa: F401 - importing it fills the route table
from simcord import intents as sim_intents
from simcord._clock import Clock
from simcord.backend import Backend, serializers
from simcord.backend.errors import BackendError, SetupError
from simcord.http import router

import bot.demo.gaps  # noqa: F401 - routes that SimCord lacks

Json = dict[str, Any]

#: GUILD_MEMBERS_CHUNK carries up to 1,000 members (Discord, Request Guild Members).
CHUNK_SIZE = 1000

__all__ = ["Answer", "BackendError", "Json", "SetupError", "SocketBackend", "Upload"]


class RealClock(Clock):
    """SimCord's clock on real UTC time plus a shift that tests can move."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.elapsed)


class _Discarding(list[Any]):
    """A list that keeps nothing: SimCord's own logs would grow without end in a server."""

    def append(self, item: Any) -> None:
        """Drop the item."""


@dataclass(frozen=True)
class Answer:
    """A REST answer: HTTP status, JSON body (None: no content), and a gap of SimCord if any."""

    status: int
    body: Any = None
    gap: str | None = None


@dataclass(frozen=True)
class Upload:
    """An uploaded file in the shape that SimCord's handlers read."""

    filename: str
    fp: io.BytesIO
    description: str | None = None


@dataclass(frozen=True)
class Call:
    """One REST call as parsed from the wire.

    ``route`` is SimCord's template or the path, ``reason`` the header still URL-encoded.
    """

    method: str
    path: str
    route: str
    args: dict[str, str]
    params: dict[str, str] = field(default_factory=dict)
    body: Any = None
    files: list[Upload] = field(default_factory=list)
    reason: str | None = None


def refuse(
    status: int, code: int, message: str, path: str = "", sub_code: str = ""
) -> BackendError:
    """A Discord error; ``path`` and ``sub_code`` fill the ``errors`` tree of a 50035."""
    errors: Json | None = None
    if path:
        errors = {"_errors": [{"code": sub_code or "INVALID", "message": message}]}
        for part in reversed(path.split(".")):
            errors = {part: errors}
        message = "Invalid Form Body"
    return BackendError(status, code, message, errors=errors)


class SocketBackend(Backend):
    """SimCord's backend on real time, with the side effects that it leaves out."""

    def __init__(self) -> None:
        super().__init__(clock=RealClock())
        self.muted = False
        self.waived: frozenset[str] = frozenset()
        self.http_requests = _Discarding()
        self.transcript = _Discarding()
        _tag_managed_roles(self.bot_user.id)

    def emit(self, event: str, payload: Mapping[str, Any]) -> None:
        if not self.muted:
            super().emit(event, payload)

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Build something step by step without announcing the steps."""
        self.muted = True
        try:
            yield
        finally:
            self.muted = False

    def require_permissions(
        self, guild_id: int | None, user_id: int, channel_id: int | None, *names: str
    ) -> None:
        kept = tuple(name for name in names if name not in self.waived)
        super().require_permissions(guild_id, user_id, channel_id, *kept)

    def delete_channel(self, channel_id: int) -> None:
        # Discord clears parent_id of a deleted category's channels and announces each of them.
        children = [c.id for c in self.channels.values() if c.parent_id == channel_id]
        threads = [cid for cid in children if self.channels[cid].is_thread]
        super().delete_channel(channel_id)
        for child in children:
            if child in threads:
                super().delete_channel(child)
            else:
                self.edit_channel(child, {"parent_id": None})

    # ------------------------------------------------------------------ REST

    def match(self, method: str, path: str) -> tuple[str, dict[str, str]]:
        """(route template, arguments) of a path; the path itself where SimCord has no route."""
        segments = path.strip("/").split("/")
        best: tuple[int, str, dict[str, str]] | None = None
        for template, _handler in router._ROUTES.get(method, ()):
            args = _arguments(template, segments)
            literals = len(template) - len(args) if args is not None else -1
            if args is not None and (best is None or literals > best[0]):
                best = (literals, "/" + "/".join(template), args)
        return (best[1], best[2]) if best else (path, {})

    def perform(self, call: Call) -> Answer:
        """Run a call through SimCord's route table. Never raises for what a client can cause."""
        try:
            body = router.dispatch(
                self,
                call.method,
                call.path,
                json=call.body,
                params=dict(call.params),
                files=list(call.files),
                reason=unquote(call.reason) if call.reason else None,
            )
        except (router.RouteNotImplemented, router.UnsupportedField) as error:
            return Answer(501, error.to_json(), gap=error.message)
        except BackendError as error:
            return Answer(error.status, error.to_json())
        except (SetupError, ValueError, KeyError, TypeError) as error:
            # What Discord's own validation would have caught before the handler ran.
            detail = refuse(400, 50035, f"Invalid Form Body: {error!r}")
            return Answer(400, detail.to_json(), gap=f"{call.method} {call.route}: {error!r}")
        return Answer(200 if body is not None else 204, body)

    # --------------------------------------------------------------- gateway

    def ready_payload(self, session_id: str, resume_url: str, shard: tuple[int, int]) -> Json:
        """READY's data: every guild of the shard as unavailable, as Discord sends it."""
        return {
            "v": 10,
            "user": dict(serializers.user_payload(self.bot_user)),
            "guilds": [
                {"id": str(gid), "unavailable": True} for gid in self.guilds if of_shard(gid, shard)
            ],
            "session_id": session_id,
            "resume_gateway_url": resume_url,
            "shard": list(shard),
            "application": {"id": str(self.application_id), "flags": 0},
        }

    def guild_payload(self, guild_id: int) -> Json:
        """GUILD_CREATE's data with every member (``shape`` prunes them)."""
        return dict(serializers.guild_create_payload(self, self.get_guild(guild_id)))

    def shape(self, event: str, payload: Json, intents: int, large_threshold: int) -> Json | None:
        """What a session with these intents gets of an event; None: nothing. May alter payload."""
        flags = discord.Intents._from_value(intents)
        gate = sim_intents.required_intent(event, payload)
        if gate is not None and not getattr(flags, gate):
            return None
        if event == "GUILD_CREATE":
            payload["large"] = len(payload.get("members") or ()) > large_threshold
            sim_intents.prune_guild_create(payload, flags, self.bot_user.id)
        elif event == "INTERACTION_CREATE":
            # Discord sends a partial channel: no overwrites, of which there may be hundreds.
            (payload.get("channel") or {}).pop("permission_overwrites", None)
        if not flags.message_content:
            self._censor(event, payload)
        return payload

    def _censor(self, event: str, payload: Json) -> None:
        bot_id = self.bot_user.id
        if event in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
            sim_intents.censor_message(payload, bot_id, backend=self)
        elif event == "INTERACTION_CREATE" and isinstance(payload.get("message"), dict):
            sim_intents.censor_message(payload["message"], bot_id, backend=self, exempt_root=True)

    def member_chunks(self, request: Json) -> list[Json]:
        """The GUILD_MEMBERS_CHUNK payloads that answer one REQUEST_GUILD_MEMBERS (op 8)."""
        guild = self.guilds.get(int(request["guild_id"]))
        if guild is None:
            return []
        members = list(guild.members.values())
        wanted = request.get("user_ids")
        not_found: list[str] = []
        if wanted is not None:
            # Discord takes one id or a list of up to 100 of them.
            ids = {int(uid) for uid in (wanted if isinstance(wanted, list) else [wanted])}
            ids = set(sorted(ids)[:100])
            members = [m for m in members if m.user_id in ids]
            not_found = [str(uid) for uid in sorted(ids - {m.user_id for m in members})]
        elif request.get("query"):
            prefix = str(request["query"]).lower()
            members = [
                m
                for m in members
                if self.users[m.user_id].name.lower().startswith(prefix)
                or (m.nick or "").lower().startswith(prefix)
            ]
        if request.get("limit"):
            members = members[: int(request["limit"])]
        parts = [members[i : i + CHUNK_SIZE] for i in range(0, len(members), CHUNK_SIZE)] or [[]]
        return [
            {
                "guild_id": str(guild.id),
                "members": [serializers.member_payload(self, guild, m) for m in part],
                "chunk_index": index,
                "chunk_count": len(parts),
                "not_found": not_found,
                **({"nonce": request["nonce"]} if request.get("nonce") else {}),
                **({"presences": []} if request.get("presences") else {}),
            }
            for index, part in enumerate(parts)
        ]


def of_shard(guild_id: int, shard: tuple[int, int]) -> bool:
    """Whether a guild belongs to the shard (id, count), by Discord's formula."""
    return (guild_id >> 22) % shard[1] == shard[0]


def _arguments(template: list[str], segments: list[str]) -> dict[str, str] | None:
    if len(template) != len(segments):
        return None
    args: dict[str, str] = {}
    for part, segment in zip(template, segments, strict=True):
        if part.startswith("{"):
            args[part[1:-1]] = segment
        elif part != segment:
            return None
    return args


def _tag_managed_roles(bot_id: int) -> None:
    """Give managed roles the ``tags`` that Discord sends; without them ``self_role`` is None."""
    original: Callable[[Any], Any] = getattr(
        serializers.role_payload, "untagged", serializers.role_payload
    )

    def tagged(role: Any) -> Any:
        payload = dict(original(role))
        if role.managed:
            payload["tags"] = {"bot_id": str(bot_id)}
        return payload

    tagged.untagged = original  # type: ignore[attr-defined]
    serializers.role_payload = tagged
