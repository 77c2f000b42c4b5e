"""What one bot does with its updates: its plugins' handlers behind one router."""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from plugins.base import BasePlugin
from plugins.context import BotFacts, Context
from plugins.router import CALLBACK, MESSAGE, Router
from plugins.states import SIGN
from services.core.i18n import Text, translate
from services.core.metrics import CALLBACKS_REFUSED
from services.fleet.plugin_catalogue import catalogue
from services.messaging.limits.notices import NOT_VALID
from services.messaging.plugin_runtime.plugin_database import BotDatabase
from services.platform.database import Database
from services.queueing.event_loop import run_coroutine
from services.queueing.timeouts import time_limit

logger = logging.getLogger(__name__)
CANCEL = "cancel"  # the command that ends every conversation, unless a plugin of the bot has a route for it
CANCELLED = Text("Cancelled.")
LOST = Text("This conversation cannot go on, because the bot has changed. Please begin again.")
HOOK_SECONDS = 2.0  # of a plugin's on_…: the process waits for it, at its end too
THE_HOUSE = "conversations"  # stands for a plugin's name where none was asked


@dataclass(frozen=True)
class Behaviour:
    """A bot's plugins, ready to handle. `problems` says why plugins chosen for it are missing (name -> reason)."""

    bot: BotFacts
    account_id: int
    active: bool
    router: Router
    plugins: tuple[BasePlugin, ...]
    problems: Mapping[str, str]

    def handle(self, ctx: Context) -> str | None:
        """Let the first willing plugin handle `ctx`; its name, or None. A button tap is always answered."""
        ctx.plugins = self.names
        if self._is_cancelled(ctx):
            return THE_HOUSE
        plugin = self.router.dispatch(ctx.kind, ctx.event, ctx)
        if plugin is None and ctx.kind == MESSAGE and self._is_lost(ctx):
            ctx.send(translate(LOST, ctx.lead.language), parse_mode=None)
            return THE_HOUSE
        if ctx.kind == CALLBACK:
            self._answer(ctx, "" if plugin else translate(NOT_VALID, ctx.lead.language))
            if plugin is None:
                CALLBACKS_REFUSED.labels("unknown").inc()
        return plugin

    def give_up(self, ctx: Context, error: str) -> None:
        """Let the error handlers say that the update behind `ctx` was given up because of `error`."""
        self.router.dispatch_error(error, ctx)
        if ctx.kind == CALLBACK:
            self._answer(ctx, "")

    @cached_property
    def names(self) -> frozenset[str]:
        """The plugins that are on, those included that could not be set up: what is broken today may work tomorrow."""
        return frozenset((*(plugin.name for plugin in self.plugins), *self.problems))

    def _is_cancelled(self, ctx: Context) -> bool:
        """Whether this is /cancel within a conversation, which ends it."""
        if ctx.command is None or ctx.command.name != CANCEL or CANCEL in self.router.commands:
            return False
        if ctx.state is None:
            return False
        ctx.clear_state()
        ctx.send(translate(CANCELLED, ctx.lead.language), parse_mode=None)
        return True

    def _is_lost(self, ctx: Context) -> bool:
        """Whether nobody wanted this message because it belongs to a conversation that no plugin knows any more."""
        if ctx.is_for_another_bot:
            return False
        state, known = ctx.state or "", (ctx.state_owner, ctx.state or "")
        if SIGN in state and known not in self.router.states and ctx.state_owner not in self.problems:
            ctx.end_conversation()
        return ctx.has_lost_conversation

    def _answer(self, ctx: Context, text: str) -> None:
        if not any(call.method == "answerCallbackQuery" for call in ctx.effects.calls):
            ctx.answer(text)

    def unload(self) -> None:
        """Tell the plugins, the last first, that these instances serve the bot no longer, whatever the reason."""
        for plugin in reversed(self.plugins):
            _hook(plugin, "on_bot_stop")
            _hook(plugin, "on_unload")


def build(
    bot: BotFacts,
    account_id: int,
    active: bool,
    chosen: list[tuple[str, Mapping[str, Any]]],
    database: Database,
) -> Behaviour:
    """The behaviour of `bot` with the (name, config) of its enabled plugins in order; a broken one is left out."""
    router = Router()
    plugins: list[BasePlugin] = []
    problems: dict[str, str] = {}
    for name, config in chosen if active else ():
        try:
            plugins.append(_set_up(name, config, bot, router, BotDatabase(database, bot.id, name)))
        except Exception as error:  # noqa: BLE001  # somebody else's code: the bot's other plugins must work
            problems[name] = f"{type(error).__name__}: {error}"
            logger.error("plugin %s of bot %d could not be set up: %s", name, bot.id, problems[name])
    for plugin in plugins:
        _hook(plugin, "on_bot_start")
    return Behaviour(bot, account_id, active, router, tuple(plugins), problems)


def _set_up(
    name: str, config: Mapping[str, Any], bot: BotFacts, router: Router, db: BotDatabase
) -> BasePlugin:
    known = catalogue()
    if name not in known.plugins:
        raise LookupError(known.failures.get(f"{name}.py", "there is no such plugin"))
    plugin = known.plugins[name](bot.id, config, db)
    install(plugin, router)
    return plugin


def install(plugin: BasePlugin, router: Router) -> None:
    """Have `plugin` asked after those that `router` knows. One that fails half-way leaves no handler behind."""
    own = Router()
    own.plugin = plugin.name
    plugin.setup_handlers(own)
    router.include(own)
    _call_hook(plugin, "on_load")


def _hook(plugin: BasePlugin, name: str) -> None:
    try:
        with time_limit(HOOK_SECONDS):
            _call_hook(plugin, name)
    except (Exception, SystemExit):  # somebody else's code
        logger.exception("plugin %s of bot %d: %s failed", plugin.name, plugin.bot_id, name)


def _call_hook(plugin: BasePlugin, name: str) -> None:
    """Call a hook to its end, an `async def` too."""
    result = getattr(plugin, name)()
    if isinstance(result, Coroutine):
        run_coroutine(result, step_seconds=HOOK_SECONDS)
