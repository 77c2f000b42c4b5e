"""What the files of CONFIG_DIR would change: a plan, which can be shown, held against a later one, and carried out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from models import Account, Bot, Flow
from services.core.errors import InvalidInput
from services.core.i18n import Text
from services.core.states import BotMode
from services.fleet.bots.registry import checked_mode
from services.fleet.configuration.document import BotConfiguration, configuration_of
from services.fleet.configuration.writing import Change, changes
from services.fleet.declared.bot_file import ReadFile, flow_key
from services.fleet.declared.files import Found
from services.fleet.declared.problems import START, FileRefused, Problem
from services.fleet.flows.users import FIELD, PLUGIN, unknown_flow
from services.platform.platform import Platform
from services.platform.tokens import token_of

UNSHOWN: Final = "…"
PIECE: Final = 200  # bots looked at in one query


class Action(StrEnum):
    """What a file would do. FREE: the file is gone, its bot is stopped and no longer read-only; its data stays."""

    ADD = "add"
    CHANGE = "change"
    KEEP = "keep"
    FREE = "free"


@dataclass(frozen=True)
class PlannedBot:
    """What would become of one bot; `read` is None where the file is gone. Values out of variables are not in `changes`."""

    file: str
    id: str
    action: Action
    account_id: int
    bot_id: int | None = None
    changes: tuple[Change, ...] = ()
    has_new_token: bool = False
    read: ReadFile | None = None

    def configuration(self, platform: Platform) -> BotConfiguration:
        """What the file says, without id, owner and token."""
        return _configuration(platform, self._file)

    @property
    def _file(self) -> ReadFile:
        if self.read is None:
            raise ValueError(f"{self.file} is gone")
        return self.read


@dataclass(frozen=True)
class Plan:
    """All of it. `id` stands for the files and the bots as they were when it was made."""

    id: str
    bots: tuple[PlannedBot, ...]
    problems: tuple[Problem, ...]

    @property
    def would_change(self) -> bool:
        """Whether carrying it out would change any bot."""
        return any(each.action is not Action.KEEP for each in self.bots)


def make_plan(platform: Platform, found: Found) -> Plan:
    """The plan for what was found; changes nothing. Raises Unavailable."""
    with platform.database.reading() as session:
        return _Planner(platform, session, found).plan()


class _Planner:
    """The bots and accounts that the files speak of, as they are now."""

    def __init__(self, platform: Platform, session: Session, found: Found) -> None:
        self._platform = platform
        self._session = session
        self._found = found
        self._problems = list(found.problems)
        self._rows = _rows(session, found.read.values())
        self._by_telegram = {row.telegram_bot_id: row for row in self._rows}
        self._by_alias = {row.alias: row for row in self._rows if row.alias}
        self._flows = {
            (row.account_id, row.key) for row in session.execute(select(Flow.account_id, Flow.key))
        }
        active = select(Account.email, Account.id).where(Account.is_active)
        self._accounts = {row.email: row.id for row in session.execute(active)}
        self._oldest = session.scalar(
            select(Account.id).where(Account.is_admin, Account.is_active).order_by(Account.id).limit(1)
        )

    def plan(self) -> Plan:
        planned, compared = list[PlannedBot](), list[PlannedBot]()
        for read in self._found.read.values():
            try:
                one = self._planned(read)
            except FileRefused as refused:
                self._problems.extend(refused.problems)
            else:
                (compared if one.action is Action.CHANGE else planned).append(one)
        planned.extend(self._compared(compared))
        planned.extend(self._freed())
        bots = tuple(sorted(planned, key=lambda one: one.file))
        problems = tuple(sorted(self._problems, key=lambda one: (one.file, one.place)))
        return Plan(self._id(bots, problems), bots, problems)

    def _planned(self, read: ReadFile) -> PlannedBot:
        account_id = self._owner(read)
        document, row = read.document, self._by_telegram.get(read.telegram_bot_id)
        try:
            checked_mode(self._platform, document.mode)
        except InvalidInput as error:
            raise read.refused("mode", error.code, error.text) from None
        self._refuse_unknown_flows(read, account_id)
        holder = self._by_alias.get(document.id)
        if holder is not None and holder is not row:
            reason = Text(
                "The id {id} is that of @{other}, another bot than the token's; delete that one, or choose another id",
                id=document.id,
                other=holder.username,
            )
            raise read.refused("token", "token_of_another_bot", reason)
        planned = PlannedBot(read.file, document.id, Action.ADD, account_id, read=read)
        if row is None:
            return planned
        if row.account_id != account_id:
            foreign = Text(
                "This bot is registered by another account; name its owner, or have it deleted there"
            )
            raise read.refused("owner", "bot_exists", foreign)
        is_same = (row.declared_in, row.alias, row.declared_hash) == (read.file, document.id, read.digest)
        return replace(planned, bot_id=row.id, action=Action.KEEP if is_same else Action.CHANGE)

    def _refuse_unknown_flows(self, read: ReadFile, account_id: int) -> None:
        for number, plugin in enumerate(read.document.plugins):
            key = plugin.config.get(FIELD)
            if plugin.name == PLUGIN and (account_id, key) not in self._flows:
                unknown = unknown_flow(str(key))
                raise read.refused(flow_key(number), unknown.code, unknown.text)

    def _owner(self, read: ReadFile) -> int:
        email = read.document.owner
        account_id = self._accounts.get(email.lower()) if email else self._oldest
        if account_id is None:
            unknown = Text("There is no account {email}; add it, or name another", email=email)
            missing = Text("There is no administrator yet, whose the bot could be; set up the first account")
            raise read.refused("owner", "owner_unknown", unknown if email else missing)
        return account_id

    def _compared(self, planned: list[PlannedBot]) -> Iterator[PlannedBot]:
        """With what is different, value by value."""
        for start in range(0, len(planned), PIECE):
            piece = planned[start : start + PIECE]
            query = (
                select(Bot)
                .where(Bot.id.in_([one.bot_id for one in piece]))
                .options(selectinload(Bot.plugins))
            )
            bots = {bot.id: bot for bot in self._session.scalars(query)}
            for one in piece:
                bot = bots.get(one.bot_id or 0)
                if bot is not None and one.read is not None:
                    yield self._difference(one, bot, one.read)

    def _difference(self, planned: PlannedBot, bot: Bot, read: ReadFile) -> PlannedBot:
        present = configuration_of(self._session, bot)
        different = [_unhidden(one, read) for one in changes(present, planned.configuration(self._platform))]
        sides = (
            ("id", bot.alias, planned.id),
            ("file", bot.declared_in, planned.file),
            ("follows_pool_id", bot.follows_pool_id, None),
        )
        for path, old, new in sides:
            if old != new:
                different.append(Change(path, old or None, new))
        has_new_token = token_of(self._platform, bot) != read.document.token.strip()
        if has_new_token:
            different.append(Change("token", UNSHOWN, UNSHOWN))
        return replace(planned, changes=tuple(different), has_new_token=has_new_token)

    def _freed(self) -> Iterator[PlannedBot]:
        """Bots whose file is gone. A folder that is gone is a mistake, not a wish."""
        covered = {read.telegram_bot_id for read in self._found.read.values()}
        gone = [
            row
            for row in self._rows
            if row.declared_in
            and row.declared_in not in self._found.names
            and row.telegram_bot_id not in covered
        ]
        if gone and not self._found.is_there:
            reason = Text("CONFIG_DIR is not there, but {count} bots follow files in it", count=len(gone))
            self._problems.append(
                Problem(str(self._platform.settings.config_dir), START, "folder_missing", reason)
            )
            return
        for row in gone:
            yield PlannedBot(row.declared_in, row.alias or "", Action.FREE, row.account_id, row.id)

    def _id(self, bots: Iterable[PlannedBot], problems: Iterable[Problem]) -> str:
        """Of what was read and of the state of all bots concerned."""
        files = [(one.file, one.action, one.read.digest if one.read else "") for one in bots]
        states = [(row.id, row.config_version, row.declared_in, row.declared_hash) for row in self._rows]
        said = json.dumps([files, sorted(states), [str(problem) for problem in problems]])
        return hashlib.sha256(said.encode()).hexdigest()[:16]


def _rows(session: Session, read: Collection[ReadFile]) -> list[Any]:
    """The bots that files are about, and those that follow a file, without what is costly."""
    columns = (
        Bot.id,
        Bot.account_id,
        Bot.telegram_bot_id,
        Bot.username,
        Bot.alias,
        Bot.declared_in,
        Bot.declared_hash,
        Bot.config_version,
    )
    found: dict[int, Any] = {
        row.id: row for row in session.execute(select(*columns).where(Bot.declared_in != ""))
    }
    files = list(read)
    for start in range(0, len(files), PIECE):
        piece = files[start : start + PIECE]
        meant = or_(
            Bot.telegram_bot_id.in_([one.telegram_bot_id for one in piece]),
            Bot.alias.in_([one.document.id for one in piece]),
        )
        found |= {row.id: row for row in session.execute(select(*columns).where(meant))}
    return list(found.values())


def _configuration(platform: Platform, read: ReadFile) -> BotConfiguration:
    said = {name: getattr(read.document, name) for name in BotConfiguration.model_fields}
    mode: BotMode = checked_mode(platform, read.document.mode)
    return BotConfiguration.model_construct(**{**said, "mode": mode})


def _unhidden(change: Change, read: ReadFile) -> Change:
    """The change without what came out of a variable, neither as it is nor as it was."""
    shown = read.hidden.shown(change.new)
    if shown != change.new or any(_meet(change.path, path) for path in _hidden_paths(read)):
        return Change(change.path, None if change.old is None else UNSHOWN, shown)
    return change


def _hidden_paths(read: ReadFile) -> Iterator[str]:
    for path in read.hidden.paths:
        if path[0] == "plugins":
            name = read.document.plugins[int(path[1])].name
            yield ".".join(["plugins", name, *map(str, path[2:])])


def _meet(one: str, other: str) -> bool:
    """Whether one of two paths lies in the other."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")
