"""What one bot does with its updates: its plugins' handlers behind one router."""

from __future__ import annotations

import logging
import threading
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from plugins.base import BasePlugin
from plugins.context import BotFacts, Context
from plugins.router import CALLBACK, MESSAGE, Router
from plugins.states import SIGN
from plugins.translations import Translations
from services.core.i18n import Text, translate
from services.core.metrics import CALLBACKS_REFUSED
from services.fleet.bots.access_rules import OPEN, AccessRules
from services.fleet.bots.identity import FIRST, Identity
from services.fleet.plugin_loading.configurations import current_config
from services.fleet.plugin_loading.versions import Catalogue
from services.messaging.limits.notices import NOT_VALID
from services.messaging.plugin_runtime.external_worker import ExternalWorker
from services.messaging.plugin_runtime.plugin_database import BotDatabase
from services.platform.database import Database
from services.queueing.event_loop import run_coroutine
from services.queueing.timeouts import time_limit

logger = logging.getLogger(__name__)
CANCEL = "cancel"  # the command that ends every conversation, unless a plugin of the bot has a route for it
CANCELLED = Text("Cancelled.")
LOST = Text("This conversation cannot go on, because the bot has changed. Please begin again.")
SET_UP_SECONDS = 30.0  # of one plugin for one bot, on_load included, as for a handler
HOOK_SECONDS = 2.0  # of a plugin's other on_…: the process waits for it, at its end too
THE_HOUSE = "conversations"  # stands for a plugin's name where none was asked


@dataclass(frozen=True)
class ChosenPlugin:
    """An enabled plugin of a bot as it is stored."""

    name: str
    config: Mapping[str, Any]
    config_version: int = 1


@dataclass(frozen=True)
class PeopleLimits:
    """How often one person may turn to a bot; None means as the installation's settings say."""

    enabled: bool = True
    per_minute: float | None = None
    burst: int | None = None


BY_SETTINGS = PeopleLimits()


class PluginAtWork:
    """One instance of a plugin with its handlers. Behaviours that follow each other may share it; it ends with the last."""

    def __init__(self, plugin: BasePlugin, router: Router) -> None:
        self.plugin = plugin
        self.router = router
        self._lock = threading.Lock()
        self._holders = 0
        self._has_begun = False

    def begin(self) -> None:
        """It begins to serve its bot, unless it does already."""
        with self._lock:
            has_begun, self._has_begun = self._has_begun, True
        if not has_begun:
            _call_hook(self.plugin, "on_bot_start")

    def hold(self) -> None:
        """One more behaviour needs it."""
        with self._lock:
            self._holders += 1

    def release(self) -> None:
        """One needs it no more."""
        with self._lock:
            self._holders -= 1
            is_over = not self._holders
        if is_over and self._has_begun:
            _call_hook(self.plugin, "on_bot_stop")
        if is_over:
            _call_hook(self.plugin, "on_unload")


@dataclass(frozen=True, eq=False)
class Behaviour:
    """A bot's plugins, ready to handle. `problems` says why plugins chosen for it are missing (name -> what was raised).

    An update enters it before anything is asked of it and leaves when it is handled: as long as one is in it, the plugins
    stay loaded.
    """

    bot: BotFacts
    account_id: int
    active: bool
    chosen: Sequence[ChosenPlugin]
    parts: dict[str, PluginAtWork]  # in order of routing
    versions: Mapping[str, str]  # of the custom plugins, by name
    problems: Mapping[str, Exception | SystemExit]
    access: AccessRules = OPEN
    people: PeopleLimits = BY_SETTINGS
    identity: Identity = FIRST
    worker: ExternalWorker | None = None
    _stay: _Stay = field(default_factory=lambda: _Stay(), repr=False)

    @property
    def plugins(self) -> tuple[BasePlugin, ...]:
        """The instances in order of routing."""
        return tuple(part.plugin for part in self.parts.values())

    @cached_property
    def router(self) -> Router:
        """The handlers of all plugins, in order."""
        router = Router()
        for part in self.parts.values():
            router.include(part.router)
        return router

    @cached_property
    def names(self) -> frozenset[str]:
        """The plugins that are on, those included that could not be set up: what is broken today may work tomorrow."""
        return frozenset((*self.parts, *self.problems))

    def handle(self, ctx: Context) -> str | None:
        """Let the first willing plugin handle `ctx`; its name, or None. A button tap is always answered."""
        self._equip(ctx)
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
        self._equip(ctx)
        self.router.dispatch_error(error, ctx)
        if ctx.kind == CALLBACK:
            self._answer(ctx, "")

    def _equip(self, ctx: Context) -> None:
        ctx.plugins = self.names
        ctx.translations = self._translations

    @cached_property
    def _translations(self) -> dict[str, Translations]:
        return {name: part.plugin.translations for name, part in self.parts.items()}

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

    def begin(self) -> None:
        """It is about to serve: tell the plugins that did not before."""
        for part in self.parts.values():
            part.begin()

    def enter(self) -> bool:
        """Let an update in; False when this behaviour is over, and another is to be asked for."""
        return self._stay.enter()

    def leave(self) -> None:
        """The update is handled."""
        if self._stay.leave():
            self._release()

    def unload(self) -> None:
        """It is over: tell the plugins that no later behaviour has, the last first, once the last update has left."""
        if self._stay.end():
            self._release()

    def _release(self) -> None:
        for part in reversed(self.parts.values()):
            part.release()


class _Stay:
    """How many updates are in a behaviour, and whether it is over. The last to leave one that is over ends it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._is_over = False

    def enter(self) -> bool:
        with self._lock:
            self._inside += not self._is_over
            return not self._is_over

    def leave(self) -> bool:
        """Whether this was the last one of a behaviour that is over."""
        with self._lock:
            self._inside -= 1
            return self._is_over and not self._inside

    def end(self) -> bool:
        """Whether nobody is inside; False too when it was over before."""
        with self._lock:
            was_over, self._is_over = self._is_over, True
            return not was_over and not self._inside


def build(
    bot: BotFacts,
    account_id: int,
    active: bool,
    chosen: Sequence[ChosenPlugin],
    database: Database,
    catalogue: Catalogue,
    former: Behaviour | None = None,
    access: AccessRules = OPEN,
    people: PeopleLimits = BY_SETTINGS,
    identity: Identity = FIRST,
    worker: ExternalWorker | None = None,
) -> Behaviour:
    """The behaviour of `bot` with its enabled plugins in order; a broken one is left out, and `problems` says why.

    Of `former`, which it is to follow, it takes over the plugins that are the same in `catalogue`. It is the caller who
    calls `begin` and, at the end, `unload`.
    """
    wanted = {each.name: each for each in (chosen if active else ())}
    parts: dict[str, PluginAtWork] = {}
    problems: dict[str, Exception | SystemExit] = {}
    for name in in_order_of_loading(wanted, catalogue):
        try:
            with time_limit(SET_UP_SECONDS):
                part = _same(name, former, catalogue) or _set_up(wanted[name], bot, database, catalogue)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # somebody else's code: the bot's other plugins must work
            problems[name] = error
            logger.error(
                "plugin %s of bot %d could not be set up: %s: %s", name, bot.id, type(error).__name__, error
            )
        else:
            part.hold()
            parts[name] = part
    ordered = {name: parts[name] for name in wanted if name in parts}
    versions = {name: catalogue.hashes[name] for name in ordered if name in catalogue.hashes}
    return Behaviour(
        bot, account_id, active, chosen, ordered, versions, problems, access, people, identity, worker
    )


def in_order_of_loading(names: Iterable[str], catalogue: Catalogue) -> list[str]:
    """Dependencies first; then those that are not there."""
    wanted = set(names)
    return [
        *(name for name in catalogue.plugins if name in wanted),
        *sorted(wanted - catalogue.plugins.keys()),
    ]


def _same(name: str, former: Behaviour | None, catalogue: Catalogue) -> PluginAtWork | None:
    part = former.parts.get(name) if former is not None else None
    return part if part is not None and type(part.plugin) is catalogue.plugins.get(name) else None


def _set_up(chosen: ChosenPlugin, bot: BotFacts, database: Database, catalogue: Catalogue) -> PluginAtWork:
    name = chosen.name
    if name not in catalogue.plugins:
        raise LookupError(catalogue.problem_of(name))
    kind = catalogue.plugins[name]
    config = current_config(kind, chosen.config, chosen.config_version)
    return install(kind(bot.id, config, BotDatabase(database, bot.id, name)))


def install(plugin: BasePlugin) -> PluginAtWork:
    """`plugin` loaded, with its handlers; raises whatever it raises."""
    router = Router()
    router.plugin = plugin.name
    plugin.setup_handlers(router)
    _run_hook(plugin, "on_load")
    return PluginAtWork(plugin, router)


def _call_hook(plugin: BasePlugin, name: str) -> None:
    """Call one of a plugin's hooks; what it raises goes into the log."""
    try:
        with time_limit(HOOK_SECONDS):
            _run_hook(plugin, name)
    except (Exception, SystemExit):  # somebody else's code
        logger.exception("plugin %s of bot %d: %s failed", plugin.name, plugin.bot_id, name)


def _run_hook(plugin: BasePlugin, name: str) -> None:
    """Call a hook to its end, an `async def` too."""
    result = getattr(plugin, name)()
    if isinstance(result, Coroutine):
        run_coroutine(result, step_seconds=HOOK_SECONDS)
