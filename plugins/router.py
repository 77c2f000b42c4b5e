"""Which handler gets an update. Routes are asked in order; the first that matches has it, unless it passes on."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final

from plugins.answers import CALL_ANSWERED
from plugins.context import Context
from plugins.states import State
from plugins.timers import TIMER_FIRED

Handler = Callable[[Any, Context], object]  # a plain function or an `async def`
Filter = Callable[[Any, Context], bool]
Register = Callable[[Handler], Handler]
PASS: Final = object()  # returned by a handler that wants the next one asked

MESSAGE = "message"
EDITED = "edited_message"
CALLBACK = "callback_query"
MEMBERS = ("my_chat_member", "chat_member")


@dataclass(frozen=True)
class Route:
    """A handler with its condition; `plugin` names who registered it."""

    matches: Filter
    handler: Handler
    plugin: str


class Routes:
    """The handlers of one bot, in order, and who of them gets an update."""

    def __init__(self) -> None:
        self._routes: dict[str, list[Route]] = {}
        self._errors: list[Route] = []
        self.sensitive: set[str] = set()  # actions with a cooldown: "cmd:/start", "cb:buy"
        self.commands: set[str] = set()  # those that have a route
        self.states: set[tuple[str, str]] = set()  # (plugin, state) that have a route
        self.plugin = ""  # whose handlers are being registered

    def on(
        self,
        kind: str,
        matches: Filter | None = None,
        where: Filter | None = None,
        exclusive: str | None = None,
    ) -> Register:
        """Updates of any `kind` in Telegram's words (`inline_query` …), or those for which `matches` and `where` hold."""
        condition = _both(matches or _always, where or _always)
        self.states.update((self.plugin, each.name) for each in (matches, where) if isinstance(each, State))

        def register(handler: Handler) -> Handler:
            guarded = handler if exclusive is None else _under_lock(exclusive, handler)
            self._routes.setdefault(kind, []).append(Route(condition, guarded, self.plugin))
            return handler

        return register

    def include(self, other: Router) -> None:
        """Ask the routes of `other` after those known so far."""
        for kind, routes in other._routes.items():
            self._routes.setdefault(kind, []).extend(routes)
        self._errors.extend(other._errors)
        self.sensitive |= other.sensitive
        self.commands |= other.commands
        self.states |= other.states

    @property
    def kinds(self) -> Iterable[str]:
        """The kinds of update that have a route."""
        return self._routes.keys()

    @property
    def handlers(self) -> list[Handler]:
        """All handlers, in the order of asking within each kind, those of errors last."""
        return [route.handler for routes in self._routes.values() for route in routes] + [
            route.handler for route in self._errors
        ]

    def dispatch(self, kind: str, event: Any, ctx: Context) -> str | None:
        """Run the first willing handler; the name of its plugin, or None when nobody wanted the update.

        Nobody is asked about a command for another bot.
        """
        if ctx.is_for_another_bot:
            return None
        for route in self._routes.get(kind, ()):
            ctx.plugin = route.plugin
            if not route.matches(event, ctx):
                continue
            if ctx.before_handler is not None:
                ctx.before_handler()
            if _done(route.handler, event, ctx) is not PASS:
                return route.plugin
        return None

    def dispatch_error(self, error: str, ctx: Context) -> None:
        """Tell the error handlers that an update was given up."""
        for route in self._errors:
            ctx.plugin = route.plugin
            _done(route.handler, error, ctx)


class Router(Routes):
    """How a plugin registers its handlers. Every method is a decorator: `@router.command("start")`."""

    def command(
        self,
        *names: str,
        where: Filter | None = None,
        sensitive: bool = False,
        exclusive: str | None = None,
    ) -> Register:
        """Messages that are one of the commands, with or without arguments and `@botname`.

        `sensitive`: the same person has to wait a few seconds (COOLDOWN_SECONDS) before the next. `exclusive` names a
        lock, `{user}` and `{chat}` filled in: while a handler under it runs anywhere, others are told to wait.
        """
        wanted = {name.removeprefix("/").lower() for name in names}
        self.commands |= wanted
        if sensitive:
            self.sensitive.update(f"cmd:/{name}" for name in wanted)

        def matches(_message: Any, ctx: Context) -> bool:
            return ctx.command is not None and ctx.command.name in wanted

        return self.on(MESSAGE, matches, where, exclusive)

    def text(self, *texts: str, where: Filter | None = None) -> Register:
        """Text messages that are no commands: all, or those equal to one of `texts`."""

        def matches(message: Any, ctx: Context) -> bool:
            given = message.text
            return given is not None and ctx.command is None and (not texts or given in texts)

        return self.on(MESSAGE, matches, where)

    def regex(self, pattern: str | re.Pattern[str], where: Filter | None = None) -> Register:
        """Text messages in which `pattern` is found; the match is `ctx.match`."""
        compiled = re.compile(pattern)

        def matches(message: Any, ctx: Context) -> bool:
            ctx.match = compiled.search(message.text or "")
            return ctx.match is not None

        return self.on(MESSAGE, matches, where)

    def content_type(self, *kinds: str, where: Filter | None = None) -> Register:
        """Messages of the given content types (`photo`, `document` …)."""
        return self.on(MESSAGE, lambda message, _ctx: message.content_type in kinds, where)

    def message(self, where: Filter | None = None) -> Register:
        """Every message."""
        return self.on(MESSAGE, where=where)

    def state(self, *states: State, where: Filter | None = None) -> Register:
        """Messages within a conversation that is in one of `states`, but commands: people may ask for /help meanwhile."""
        self.states.update((self.plugin, state.name) for state in states)

        def matches(message: Any, ctx: Context) -> bool:
            return ctx.command is None and any(state(message, ctx) for state in states)

        return self.on(MESSAGE, matches, where)

    def edited(self, where: Filter | None = None) -> Register:
        """Every edited message."""
        return self.on(EDITED, where=where)

    def callback(
        self,
        *actions: str,
        where: Filter | None = None,
        sensitive: bool = False,
        exclusive: str | None = None,
    ) -> Register:
        """Taps on buttons made by `ctx.button` with one of the actions (all of them without any); see `ctx.tap`.

        Taps on other buttons, which anybody can make up, are reached by `on("callback_query", …)` alone. The same
        button cools down for each person; `sensitive` widens that to all buttons of the action.
        """
        if sensitive:
            self.sensitive.update(f"cb:{action}" for action in actions)

        def matches(_query: Any, ctx: Context) -> bool:
            return ctx.tap is not None and (not actions or ctx.tap.action in actions)

        return self.on(CALLBACK, matches, where, exclusive)

    def answered(self, *names: str, where: Filter | None = None) -> Register:
        """Answers of the Bot API to this plugin's calls with `then=` one of the names; the event is a CallAnswer."""
        plugin = self.plugin

        def matches(answer: Any, _ctx: Context) -> bool:
            return answer.plugin == plugin and answer.name in names

        return self.on(CALL_ANSWERED, matches, where)

    def timer(self, *names: str, where: Filter | None = None) -> Register:
        """Timers that this plugin set with `ctx.set_timer` and that are due, by the beginning of their keys; the event is a
        TimerFired.
        """
        plugin = self.plugin

        def matches(fired: Any, _ctx: Context) -> bool:
            return fired.plugin == plugin and fired.name in names

        return self.on(TIMER_FIRED, matches, where)

    def member(self, where: Filter | None = None) -> Register:
        """Changes of membership, the bot's own (blocked, added) and others'."""

        def register(handler: Handler) -> Handler:
            for kind in MEMBERS:
                self.on(kind, where=where)(handler)
            return handler

        return register

    def error(self) -> Register:
        """Called with the exception's class name when an update of this bot was given up; `ctx.error_id` is its id."""

        def register(handler: Handler) -> Handler:
            self._errors.append(Route(_always, handler, self.plugin))
            return handler

        return register


def _done(handler: Handler, event: Any, ctx: Context) -> object:
    """What the handler returns once it is done, an `async def` too."""
    result = handler(event, ctx)
    return ctx.run(result) if isinstance(result, Coroutine) else result


def _under_lock(name: str, handler: Handler) -> Handler:
    @wraps(handler)
    def guarded(event: Any, ctx: Context) -> object:
        filled = name.replace("{user}", str(ctx.lead.telegram_id)).replace("{chat}", str(ctx.chat_id))
        with ctx.lock(filled):
            return _done(handler, event, ctx)

    return guarded


def _always(_event: Any, _ctx: Context) -> bool:
    return True


def _both(first: Filter, second: Filter) -> Filter:
    if _always in (first, second):
        return second if first is _always else first
    return lambda event, ctx: first(event, ctx) and second(event, ctx)
