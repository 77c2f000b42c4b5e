"""The behaviours of the bots in this process, built on first need and again after every announced change."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from redis import RedisError

from plugins.context import Context
from plugins.effects import Busy
from services.core.errors import Unavailable
from services.fleet.plugin_catalogue import catalogue
from services.fleet.plugin_loading.configurations import SetupRefused
from services.fleet.plugin_loading.importing import problem_of
from services.fleet.plugin_loading.outcomes import Outcomes
from services.fleet.plugin_loading.versions import Catalogue
from services.messaging.plugin_runtime.behaviour import Behaviour, build
from services.messaging.plugin_runtime.behaviour_rows import BehaviourRow, read_rows
from services.messaging.plugin_runtime.work import AlreadyHandled
from services.platform.platform import Platform
from services.platform.redis.read_ahead import ReadAheadCache

BUILD_SECONDS = 0.005  # of building for a reload without a pause for the updates
Built = dict[int, tuple[Behaviour, Behaviour]]  # bot -> the present behaviour and the one to follow it


class PluginCache(ReadAheadCache[BehaviourRow, Behaviour]):
    """Behaviour by bot id; None for a bot that does not exist, Unavailable when the database is away."""

    keeps_missing = True

    def __init__(self, platform: Platform) -> None:
        super().__init__()
        self._platform = platform
        self.outcomes = Outcomes()

    @contextmanager
    def using(self, bot_id: int) -> Iterator[Behaviour | None]:
        """The bot's behaviour for one update, from its beginning to its end: whatever is loaded meanwhile comes after it."""
        behaviour = self.get(bot_id)
        while behaviour is not None and not behaviour.enter():
            behaviour = self.get(bot_id)
        try:
            yield behaviour
        finally:
            if behaviour is not None:
                behaviour.leave()

    @contextmanager
    def counted(self, behaviour: Behaviour, ctx: Context, *, is_first: bool) -> Iterator[None]:
        """Count whether the handler in the block fails, for the version of the plugin that was asked last.

        Repetitions of an update say nothing new, and what is away is no failure of a handler.
        """
        try:
            yield
        except (Unavailable, RedisError, Busy, AlreadyHandled):
            raise
        except BaseException:
            self._count(behaviour, ctx, is_first, failed=True)
            raise
        self._count(behaviour, ctx, is_first, failed=False)

    @contextmanager
    def at_risk(self, behaviour: Behaviour, ctx: Context, *, is_alone: bool) -> Iterator[None]:
        """Have it counted for the version of the plugin asked last if the process dies in the block, for a suspect alone.

        Raises RedisError.
        """
        if not is_alone:
            yield
            return
        with self.outcomes.at_risk(self._platform) as stake:

            def before_handler() -> None:
                version = behaviour.versions.get(ctx.plugin)
                if version is not None:
                    stake(version)

            ctx.before_handler = before_handler
            yield

    def _count(self, behaviour: Behaviour, ctx: Context, is_first: bool, *, failed: bool) -> None:
        version = behaviour.versions.get(ctx.plugin) if is_first else None
        if version is not None:
            self.outcomes.count(version, failed=failed)

    def prepare(self, candidate: Catalogue, names: frozenset[str]) -> Callable[[], None]:
        """Build the behaviours of all bots here that use one of `names` by `candidate`; what is returned puts them to work.

        Raises SetupRefused for the first that cannot be built; then nothing has changed.
        """
        built: Built = {}
        try:
            self._build(candidate, names, built)
        except BaseException:
            _discard(built)
            raise

        def commit() -> None:
            for _, new in built.values():
                new.begin()
            self.replace(built, lambda value: _uses(value, names))

        return commit

    def _build(self, candidate: Catalogue, names: frozenset[str], built: Built) -> None:
        paused = time.monotonic()
        for bot_id, old in list(self._kept.items()):
            if old is None or not old.active or not _uses(old, names):
                continue
            new = build(
                old.bot,
                old.account_id,
                True,
                old.chosen,
                self._platform.database,
                candidate,
                former=old,
                access=old.access,
                people=old.people,
                identity=old.identity,
                worker=old.worker,
            )
            built[bot_id] = (old, new)
            _refuse_broken(new, candidate, names)
            if time.monotonic() - paused > BUILD_SECONDS:
                time.sleep(0)
                paused = time.monotonic()

    def _read(self, keys: Sequence[int]) -> Mapping[int, BehaviourRow]:
        return read_rows(self._platform.database, keys)

    def _make(self, key: int, row: BehaviourRow) -> Behaviour:
        behaviour = build(
            row.bot,
            row.account_id,
            row.active,
            row.chosen,
            self._platform.database,
            catalogue(),
            access=row.access,
            people=row.people,
            identity=row.identity,
            worker=row.worker,
        )
        behaviour.begin()
        return behaviour

    def _dropped(self, value: Behaviour) -> None:
        value.unload()


def _uses(behaviour: Behaviour, names: frozenset[str]) -> bool:
    return any(each.name in names for each in behaviour.chosen)


def _refuse_broken(behaviour: Behaviour, candidate: Catalogue, names: frozenset[str]) -> None:
    """Raise SetupRefused when a plugin of `names` that is there could not be set up for the bot."""
    for name, error in behaviour.problems.items():
        if name in names and name in candidate.plugins:
            version = next(each for each in candidate.custom.values() if each.plugin.name == name)
            problem = problem_of(error, Path(version.path), version.hash)
            reason = f"it could not be set up for @{behaviour.bot.username}: {problem.reason}"
            raise SetupRefused(name, reason, problem.line) from error


def _discard(built: Mapping[int, tuple[Behaviour, Behaviour]]) -> None:
    for _, new in built.values():
        new.unload()
