"""What people do in their client, and what the bot answers them.

Part of the SimCord adapter: it uses SimCord's own actors, so that nobody clicks a button that is
not there or runs a command that is hidden from them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from simcord import _modal, actors
from simcord import interactions as sim_interactions
from simcord.backend import serializers
from simcord.backend.models import Interaction
from simcord.builders import ChannelHandle, GuildHandle, RoleHandle, UserHandle
from simcord.components import walk_components
from simcord.enums import InteractionType
from simcord.results import InteractionResult, ResponseMessage

from tests.e2e._discord_limits import Signal
from tests.e2e._discord_simcord import Answer, Call, Json, SocketBackend

#: Option types whose values are ids of people, channels, roles (Discord, Command Option Type).
_USER, _CHANNEL, _ROLE, _MENTIONABLE = 6, 7, 8, 9
#: Select types whose values are such ids (Discord, Component Type), as option types.
_SELECTS = {5: _USER, 6: _ROLE, 7: _MENTIONABLE, 8: _CHANNEL}


@dataclass
class Record:
    """What the server keeps of one interaction beyond SimCord: timing and every answer."""

    started: float
    ack_ms: float | None = None
    answers: list[Json] = field(default_factory=list)


class _StubEnv:
    """Just enough of SimCord's Env for its actors: a backend, no bot and nothing to settle."""

    strict_sync = True
    bot = SimpleNamespace(tree=None)

    def __init__(self, backend: SocketBackend, observe: Callable[[Interaction], None]) -> None:
        self.backend = backend
        self._notify_dispatch_observers = observe

    def _begin_operation(self, label: str) -> None:
        """Nothing: actions may overlap here."""

    def _end_operation(self) -> None:
        """Nothing, as above."""

    async def _settle_internal(self, **_options: Any) -> None:
        """Nothing: the bot is another process; answers are waited for elsewhere."""


class People:
    """Acts as the people in the world. Raises SetupError or BackendError."""

    def __init__(self, backend: SocketBackend, signal: Signal) -> None:
        self.backend = backend
        self.signal = signal
        self.closed_dms: set[int] = set()
        self.records: dict[int, Record] = {}
        self._env: Any = _StubEnv(backend, self._dispatched)

    # --------------------------------------------------------------- actions

    def _actor(self, guild_id: int, user_id: int) -> actors.MemberActor:
        guild = GuildHandle(self._env, self.backend.get_guild(guild_id))
        user = UserHandle(self._env, self.backend.get_user(user_id))
        return actors.MemberActor(self._env, guild, user)

    def _place(self, channel_id: int, user_id: int) -> tuple[Any, ChannelHandle]:
        """(acting person, channel handle): a member in a guild channel, a user in their DM."""
        channel = self.backend.get_channel(channel_id)
        if channel.guild_id is None:
            user = UserHandle(self._env, self.backend.get_user(user_id))
            return user, ChannelHandle(self._env, None, channel)
        actor = self._actor(channel.guild_id, user_id)
        return actor, ChannelHandle(self._env, actor.guild, channel)

    def _handle(self, actor: Any, kind: int, value: Any) -> Any:
        """An id as the handle that SimCord resolves for this option type."""
        if kind not in (_USER, _CHANNEL, _ROLE, _MENTIONABLE):
            return value
        target = int(value)
        guild: GuildHandle | None = getattr(actor, "guild", None)
        if kind == _CHANNEL:
            channel = self.backend.get_channel(target)
            return ChannelHandle(self._env, guild, channel)
        if guild is not None and kind in (_ROLE, _MENTIONABLE) and target in guild._guild.roles:
            return RoleHandle(self._env, guild, guild._guild.roles[target])
        user = UserHandle(self._env, self.backend.get_user(target))
        if guild is not None and target in guild._guild.members:
            return actors.MemberActor(self._env, guild, user)
        return user

    def _options(self, actor: Any, channel: ChannelHandle, command: str, options: Json) -> Json:
        parts = command.split()
        root = actors._resolve_visible_command(actor, channel.id, parts[0], 1)
        leaf, _ = sim_interactions.walk_to_subcommand(root, parts[1:])
        kinds = {option["name"]: option["type"] for option in leaf.get("options") or []}
        return {
            name: self._handle(actor, kinds.get(name, 0), value) for name, value in options.items()
        }

    async def slash(self, channel_id: int, user_id: int, command: str, options: Json) -> int:
        """Run "/name sub" with options (ids for people, channels, roles); the interaction's id."""
        actor, channel = self._place(channel_id, user_id)
        given = self._options(actor, channel, command, options)
        result = await actors._slash(actor, channel, command, given)
        return result._interaction.id

    async def autocomplete(
        self, channel_id: int, user_id: int, command: str, option: str, typed: str, filled: Json
    ) -> int:
        """Type into an option; the interaction's id (its choices arrive as its answer)."""
        actor, channel = self._place(channel_id, user_id)
        given = self._options(actor, channel, command, filled)
        result = await actors._autocomplete_result(actor, channel, command, option, typed, given)
        return result._interaction.id

    def _message(self, channel_id: int, message_id: int) -> ResponseMessage:
        return ResponseMessage(self._env, self.backend.get_message(channel_id, message_id))

    async def click(
        self,
        channel_id: int,
        message_id: int,
        user_id: int,
        custom_id: str | None,
        label: str | None,
    ) -> int:
        """Press the one button with this custom_id or label; the interaction's id."""
        actor, _ = self._place(channel_id, user_id)
        message = self._message(channel_id, message_id)
        result = await actors._component_click(actor, message, label=label, custom_id=custom_id)
        return result._interaction.id

    async def select(
        self,
        channel_id: int,
        message_id: int,
        user_id: int,
        values: list[Any],
        custom_id: str | None,
    ) -> int:
        """Choose in a select (ids for people, channels, roles); the interaction's id."""
        actor, _ = self._place(channel_id, user_id)
        message = self._message(channel_id, message_id)
        menus = [
            component
            for component in walk_components(message.components)
            if component.get("type") in (3, *_SELECTS)
            and custom_id in (None, component.get("custom_id"))
        ]
        kind = _SELECTS.get(menus[0]["type"], 0) if menus else 0
        chosen = [self._handle(actor, kind, value) for value in values]
        result = await actors._component_select(actor, message, chosen, custom_id=custom_id)
        return result._interaction.id

    async def submit(self, interaction_id: int, user_id: int, values: Json) -> int:
        """Fill in and send the modal that an interaction showed; the new interaction's id."""
        shown = self.backend.interactions[interaction_id]
        actor, _ = self._place(shown.channel_id, user_id)
        kinds = {
            component["custom_id"]: _SELECTS.get(component["type"], 0)
            for component in _modal._modal_controls(shown.modal or {})
        }
        given = {
            name: [self._handle(actor, kinds[name], item) for item in value]
            if kinds.get(name)
            else value
            for name, value in values.items()
        }
        result = await _modal._submit_modal(actor, InteractionResult(self._env, shown), given)
        return result._interaction.id

    def forge(
        self, channel_id: int, user_id: int, kind: int, data: Json, message_id: int | None
    ) -> int:
        """Send any interaction data, as a forged client would: nothing is checked here."""
        channel = self.backend.get_channel(channel_id)
        record, payload = sim_interactions.base_payload(
            self.backend,
            type=InteractionType(kind),
            channel_id=channel_id,
            guild_id=channel.guild_id,
            user_id=user_id,
            data=data,
        )
        if message_id is not None:
            message = self.backend.get_message(channel_id, message_id)
            payload["message"] = dict(serializers.message_payload(self.backend, message))
            record.source_message_id = message_id
        self._dispatched(record)
        self.backend.emit("INTERACTION_CREATE", payload)
        return record.id

    def rush(
        self, channel_id: int, message_id: int, user_ids: list[int], custom_id: str
    ) -> list[int]:
        """Many people press one button at the same instant; the interactions' ids."""
        guild_id = self.backend.get_channel(channel_id).guild_id
        assert guild_id is not None
        message = self.backend.get_message(channel_id, message_id)
        made, shared = [], dict[str, Any]()
        for user_id in user_ids:
            record, payload = self._press(channel_id, guild_id, user_id, custom_id, shared)
            record.source_message_id = message_id
            if not shared:  # the same for all of them, and dear to put together
                shared = {"message": dict(serializers.message_payload(self.backend, message))}
                shared = payload | shared
            made.append((record, payload | {"message": shared["message"]}))
        for _, payload in made:
            self.backend.emit("INTERACTION_CREATE", payload)
        # Nothing has left yet: what is sent waits for this to return.
        for record, _ in made:
            self._dispatched(record)
        return [record.id for record, _ in made]

    def _press(
        self, channel_id: int, guild_id: int, user_id: int, custom_id: str, shared: Json
    ) -> tuple[Interaction, Json]:
        """One press; what all have in common is taken from `shared`, where it is filled."""
        kind, data = (
            InteractionType.MESSAGE_COMPONENT,
            {"component_type": 2, "custom_id": custom_id},
        )
        if not shared:
            return sim_interactions.base_payload(
                self.backend, type=kind, channel_id=channel_id, guild_id=guild_id,
                user_id=user_id, data=data,
            )  # fmt: skip
        record = self.backend.new_interaction(kind, channel_id, user_id, guild_id)
        guild = self.backend.get_guild(guild_id)
        member = dict(serializers.member_payload(self.backend, guild, guild.members[user_id]))
        rights = self.backend.compute_permissions(guild_id, user_id, channel_id)
        member["permissions"] = str(rights)
        own = {"id": str(record.id), "token": record.token, "member": member}
        return record, shared | own

    # --------------------------------------------------------------- answers

    def _dispatched(self, interaction: Interaction) -> None:
        self.records[interaction.id] = Record(time.perf_counter())

    def acknowledged(self, interaction_id: int, at: float) -> None:
        """Note when the first callback of an interaction came in (perf_counter seconds)."""
        record = self.records.get(interaction_id)
        if record is not None and record.ack_ms is None:
            record.ack_ms = (at - record.started) * 1000

    def answered(self, call: Call, answer: Answer) -> None:
        """Note one answer of the bot: a callback, an edit, a follow-up or a deletion."""
        interaction_id = call.args.get("interaction_id") or self.backend.interaction_tokens.get(
            call.args.get("token", "")
        )
        record = self.records.get(int(interaction_id or 0))
        if record is None:
            return
        line = {"method": call.method, "route": call.route, "status": answer.status}
        record.answers.append({**line, "body": call.body})

    def interaction(self, interaction_id: int) -> Json:
        """Everything that the bot answered so far, as its person sees it now."""
        stored = self.backend.interactions[interaction_id]
        record = self.records[interaction_id]
        live = self.backend.messages.get(stored.channel_id, {})

        def show(message_id: int | None) -> Json | None:
            message = live.get(message_id or 0)
            return dict(serializers.message_payload(self.backend, message)) if message else None

        return {
            "id": stored.id,
            "channel_id": stored.channel_id,
            "user_id": stored.user_id,
            "acknowledged": stored.responded,
            "ack_ms": record.ack_ms,
            "kind": stored.response_kind,
            "loading": stored.loading,
            "ephemeral": stored.ephemeral,
            "complete": self.complete(interaction_id),
            "message": show(stored.message_id),
            "followups": [m for m in map(show, stored.followup_ids) if m is not None],
            "modal": stored.modal,
            "choices": stored.autocomplete_choices,
            "answers": record.answers,
        }

    def complete(self, interaction_id: int) -> bool:
        """Answered, and no "thinking" state or deferred update is left unanswered."""
        stored = self.backend.interactions[interaction_id]
        if not stored.responded or stored.loading:
            return False
        accepted = [a for a in self.records[interaction_id].answers if a["status"] < 300]
        return stored.response_kind != "deferred_update" or len(accepted) > 1
