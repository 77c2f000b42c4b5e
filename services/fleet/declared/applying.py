"""Carrying out what the files of CONFIG_DIR say: each bot in its own transaction, one process at a time."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from redis import RedisError
from sqlalchemy.orm import Session

from models import Bot
from services.core.errors import Conflict, FlotillaError, TelegramError, Unavailable
from services.core.i18n import Text
from services.core.outcomes import only
from services.fleet.bots.registry import add_bot, checked_mode, locked_each, new_bot
from services.fleet.bots.signals import bot_changed
from services.fleet.bots.token_replacement import replace_token
from services.fleet.configuration.writing import write_configuration
from services.fleet.declared.bot_file import ReadFile
from services.fleet.declared.files import BotFiles
from services.fleet.declared.planning import Action, Plan, PlannedBot, make_plan
from services.fleet.declared.problems import START, Problem
from services.fleet.declared.report import note_applied
from services.fleet.pools.members import start_slowly
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform
from services.platform.tokens import identify

logger = logging.getLogger(__name__)
LEASE: Final = "bot_files"
PATIENCE_SECONDS: Final = 60.0  # for another process that applies; five hundred new bots take a minute or two
POLL_SECONDS: Final = 0.2
KEYS: Final = {
    "mode": "mode",
    "plugins": "plugins",
}  # of the file, by the field that an error names; else its token


@dataclass(frozen=True)
class Applied:
    """What was done. `problems` are those of the plan, and what went wrong in carrying it out."""

    plan: Plan
    done: tuple[PlannedBot, ...]
    problems: tuple[Problem, ...]
    is_to_be_repeated: bool  # something was away that may come back by itself


def apply_files(platform: Platform, files: BotFiles, *, if_plan: str = "") -> Applied:
    """Bring all bots to their files; doing it again changes nothing, and one bot's trouble leaves the others applied.

    Raises Conflict `plan_changed` when `if_plan` is not the id of the present plan, Unavailable, or OSError for the folder.
    """
    with _alone(platform):
        plan = make_plan(platform, files.read())
        if if_plan and plan.id != if_plan:
            raise Conflict(
                "Files or bots have changed since this plan; look at the new one with: flask bots plan",
                code="plan_changed",
            )
        applied = _carried_out(platform, plan)
        added = {one.file: one.bot_id for one in applied.done if one.bot_id is not None}
        note_applied(platform, applied.plan, applied.problems, added)
    return applied


def _carried_out(platform: Platform, plan: Plan) -> Applied:
    done, problems, is_to_be_repeated = list[PlannedBot](), list(plan.problems), False
    for planned in plan.bots:
        if planned.action is Action.KEEP:
            continue
        try:
            bot_id = _apply(platform, planned)
        except FlotillaError as error:
            problems.append(_problem(planned, error.field or "", error.code, error.text))
            is_to_be_repeated |= _may_pass(error)
        except Exception:
            logger.exception("bot file %s could not be applied", planned.file)
            problems.append(
                _problem(planned, "", "internal", Text("It could not be applied; the log says why"))
            )
        else:
            logger.info("bot file %s: %s %s", planned.file, planned.action, planned.id)
            done.append(replace(planned, bot_id=bot_id))
    return Applied(plan, tuple(done), tuple(problems), is_to_be_repeated)


def _apply(platform: Platform, planned: PlannedBot) -> int:
    """Do it; the id of the bot."""
    caller = Principal(planned.account_id, actor=f"file:{planned.file}"[:64])
    if planned.read is None:
        return _free(platform, caller, planned)
    if planned.bot_id is None:
        return _add(platform, caller, planned, planned.read)
    return _change(platform, caller, planned, planned.read, planned.bot_id)


def _add(platform: Platform, caller: Principal, planned: PlannedBot, read: ReadFile) -> int:
    token = read.document.token.strip()
    bot = new_bot(caller, identify(platform, token), checked_mode(platform, read.document.mode))

    def also(session: Session, bot: Bot) -> None:
        _write(platform, session, caller, bot, planned, read)

    return add_bot(platform, caller, bot, token, also=also).id


def _change(platform: Platform, caller: Principal, planned: PlannedBot, read: ReadFile, bot_id: int) -> int:
    if planned.has_new_token:
        replace_token(platform, caller, bot_id, read.document.token)
    starts = start_slowly if read.document.enabled else None
    with platform.database.transaction() as session:
        bot = only(locked_each(session, caller, [bot_id], before=starts))
        if planned.changes:
            _write(platform, session, caller, bot, planned, read)
        else:
            bot.declared_hash = read.digest  # another comment, another order of keys
    if planned.changes:
        bot_changed(platform, bot_id)
    return bot_id


def _write(
    platform: Platform, session: Session, caller: Principal, bot: Bot, planned: PlannedBot, read: ReadFile
) -> None:
    write_configuration(platform, session, bot, planned.configuration(platform))
    bot.alias, bot.declared_in, bot.declared_hash = planned.id, planned.file, read.digest
    bot.follows_pool_id = None
    paths = [change.path for change in planned.changes]
    audit(
        session,
        caller,
        "bot_file_applied",
        account_id=bot.account_id,
        bot_id=bot.id,
        file=planned.file,
        changed=paths,
    )


def _free(platform: Platform, caller: Principal, planned: PlannedBot) -> int:
    bot_id = planned.bot_id or 0
    with platform.database.transaction() as session:
        bot = only(locked_each(session, caller, [bot_id]))
        bot.desired_running, bot.declared_in, bot.declared_hash = False, "", ""
        bot.config_version += 1
        audit(
            session, caller, "bot_file_removed", account_id=bot.account_id, bot_id=bot.id, file=planned.file
        )
    bot_changed(platform, bot_id)
    return bot_id


@contextmanager
def _alone(platform: Platform) -> Iterator[None]:
    """Only one process applies at a time; whoever comes second finds nothing left to do."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        while (held := platform.leases.take(LEASE)) is None:
            if time.monotonic() > deadline:
                raise Unavailable(
                    "Another process is applying the files of bots; try again", code="bot_files_busy"
                )
            time.sleep(POLL_SECONDS)
    except RedisError:
        raise Unavailable("Redis does not answer; try again") from None
    try:
        yield
    finally:
        held.release()


def _problem(planned: PlannedBot, field: str, code: str, reason: Text) -> Problem:
    if planned.read is None:
        return Problem(planned.file, START, code, reason)
    place = planned.read.place_of(KEYS.get(field.partition(".")[0], "token"))
    return Problem(planned.file, place, code, reason.changed(planned.read.hidden.shown))


def _may_pass(error: FlotillaError) -> bool:
    """Whether it may go well later without a change of the file."""
    return isinstance(error, Unavailable) or (isinstance(error, TelegramError) and not error.permanent)
