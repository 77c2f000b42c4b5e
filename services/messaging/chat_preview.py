"""A picture of a chat with a bot whose plugins are configured so, saved or not: played in memory, step by step.

Nothing is kept between two pictures: whoever asks says all steps again. Router, contexts and markup are those of the product;
Telegram is played, other APIs are away, nothing is written. Built-in plugins alone are played here, which costs a few
milliseconds; where a custom one takes part, in a process of its own (`plugin_kit/play_process`), since its code may do anything.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from queue import Empty, LifoQueue
from typing import Any, Final, cast

from models import Bot
from services.core.errors import Unavailable
from services.fleet.bots.choices import PluginChoice, rows_of
from services.fleet.plugin_catalogue import catalogue
from services.fleet.plugin_loading.side_process import SideProcess
from services.messaging.plugin_kit.chat_play import ChatPictureView, Play, Step

PLAY_SECONDS: Final = 5.0  # for all steps of a chat, which take a few hundredths
MOST_AT_ONCE: Final = 2  # chats with custom plugins, per process: one that hangs leaves a place for others
PATIENCE_SECONDS: Final = 10.0  # for one of these places; starting such a process takes two


class _Stage:
    """The processes in which chats are played; each is started when it is first needed."""

    def __init__(self) -> None:
        self._free: LifoQueue[SideProcess] = LifoQueue()
        for _ in range(MOST_AT_ONCE):
            self._free.put(SideProcess("services.messaging.plugin_kit.play_process", PLAY_SECONDS))

    @contextmanager
    def place(self) -> Iterator[SideProcess]:
        """A process for the block. Raises Unavailable when none becomes free in time."""
        try:
            process = self._free.get(timeout=PATIENCE_SECONDS)
        except Empty:
            raise Unavailable(
                "Too many chats with custom plugins are being tried; try again in a moment", code="chat_busy"
            ) from None
        try:
            yield process
        finally:
            self._free.put(process)


_stage = _Stage()


def picture(
    bot: Bot, choices: Sequence[PluginChoice], steps: Sequence[Step], language: str
) -> ChatPictureView:
    """How the chat stands after `steps`. Raises InvalidInput as saving would, Unavailable when too many are being played."""
    known, chosen = catalogue(), [row for row in rows_of(choices) if row.enabled]
    facts = {"strategy": str(bot.fsm_strategy), "bot_name": bot.name, "language": language}
    if all(row.name in known.built_in for row in chosen):
        play = Play(steps)
        play.run([(known.built_in[row.name], row.config) for row in chosen], **facts)
        return play.view()
    custom = {version.plugin.name: version for version in known.custom.values()}
    plugins: list[dict[str, Any]] = []
    for row in chosen:
        plugins.append({"name": row.name, "config": row.config})
        if row.name in custom:
            source = base64.b64encode(custom[row.name].source).decode()
            plugins[-1] |= {"file": custom[row.name].path, "source": source}
    return _played_aside({"plugins": plugins, "steps": [asdict(step) for step in steps], "bot": facts})


def _played_aside(order: dict[str, Any]) -> ChatPictureView:
    with _stage.place() as process:
        answer = process.ask(order)
    if answer is None:
        raise Unavailable("The process that plays chats was ended; try again", code="chat_ended")
    return cast(ChatPictureView, answer)
