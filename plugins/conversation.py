"""The part of a context that is the conversation: its state and data, as they were and as the handler wants them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cached_property
from typing import Any

from plugins.effects import Effects
from plugins.states import State


class ConversationContext:
    """What a handler may know and change of the conversation. The attributes are those of the context."""

    effects: Effects
    chat_id: int
    plugin: str
    plugins: frozenset[str] | None
    load_state: Callable[[Any], dict[str, Any]]
    logger: logging.Logger
    has_lost_conversation: bool

    @property
    def state(self) -> str | None:
        """The conversation's state, None outside any."""
        value: str | None = self._conversation.get("state")
        return value

    @property
    def data(self) -> dict[str, Any]:
        """The conversation's data; change it with `update_data`."""
        return dict(self._conversation.get("data") or {})

    @property
    def state_owner(self) -> str:
        """The plugin that went to the state, "" where nobody knows."""
        owner: str = self._conversation.get("plugin") or ""
        return owner

    def set_state(self, state: State | str | None) -> None:
        """Go to `state`; the data stays. The state is this plugin's: when that is taken off the bot, the conversation ends."""
        owner = self.plugin if state is not None else ""
        name = str(state) if isinstance(state, State) else state
        self.effects.conversation = {**self._conversation, "state": name, "plugin": owner}

    def update_data(self, **values: Any) -> None:
        """Add `values` (JSON types) to the conversation's data."""
        self.effects.conversation = {**self._conversation, "data": {**self.data, **values}}

    def clear_state(self) -> None:
        """End the conversation: no state, no data."""
        if self.chat_id < 0:
            _ = self._stored_conversation  # a group that was upgraded: it says where the conversation is kept
        self.effects.conversation = {}

    @property
    def _conversation(self) -> dict[str, Any]:
        if self.effects.conversation is None:
            stored = self._stored_conversation
            owner = stored.get("plugin")
            if not owner or self.plugins is None or owner in self.plugins:
                return stored
            self.end_conversation()
        return self.effects.conversation or {}

    def end_conversation(self) -> None:
        """End a conversation that no plugin of the bot goes on with."""
        stored = self._stored_conversation
        owner, state = stored.get("plugin"), stored.get("state")
        self.logger.warning(
            "conversation ended: nobody knows the state %s of plugin %s any more", state, owner
        )
        self.has_lost_conversation = True
        self.clear_state()

    @cached_property
    def _stored_conversation(self) -> dict[str, Any]:
        return self.load_state(self)
