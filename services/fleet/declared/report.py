"""What became of the files of CONFIG_DIR, kept in Redis for the panel and the API."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

from redis import RedisError
from typing_extensions import TypedDict

from services.core.answer_types import Moment, Sentence
from services.core.errors import Unavailable
from services.core.i18n import Text
from services.core.times import iso, utc_now
from services.fleet.declared.planning import Action, Plan
from services.fleet.declared.problems import Problem
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from services.platform.redis import keys

logger = logging.getLogger(__name__)
NOTHING: Final = '{"at": null, "files": []}'


class FileProblemView(TypedDict):
    """One thing that is wrong in a file, with line and column from 1."""

    line: int
    column: int
    code: str
    reason: Sentence


class BotFileView(TypedDict):
    """One file: the bot that follows it (null for none), and why it is not applied as it is now."""

    file: str
    id: str
    bot_id: int | None
    problems: list[FileProblemView]


class BotFilesView(TypedDict):
    """All files as they were when they were last applied; `at` null means never."""

    at: Moment | None
    files: list[BotFileView]


def note_applied(
    platform: Platform, plan: Plan, problems: Iterable[Problem], bot_ids: Mapping[str, int]
) -> None:
    """Keep what became of every file, and write new problems into the log; `bot_ids` has the bots that were added."""
    files: dict[str, dict[str, Any]] = {
        one.file: {
            "file": one.file,
            "id": one.id,
            "bot_id": bot_ids.get(one.file, one.bot_id),
            "problems": [],
        }
        for one in plan.bots
        if one.action is not Action.FREE
    }
    former = {_line(file["file"], each) for file in _read(platform)["files"] for each in file["problems"]}
    for problem in problems:
        file = files.setdefault(
            problem.file, {"file": problem.file, "id": "", "bot_id": None, "problems": []}
        )
        file["problems"].append(
            {
                "line": problem.place.line,
                "column": problem.place.column,
                "code": problem.code,
                "reason": problem.reason.for_column(),
            }
        )
        if _line(problem.file, file["problems"][-1]) not in former:
            logger.error("bot file not applied: %s", problem)
    told = {"at": iso(utc_now()), "files": [files[name] for name in sorted(files)]}
    try:
        platform.redis.set(keys.bot_files(), json.dumps(told))
    except RedisError as error:
        logger.warning("what became of the files of bots is not kept: %s", type(error).__name__)


def list_bot_files(platform: Platform, caller: Principal) -> BotFilesView:
    """What became of every file. Forbidden for all but admins, Unavailable without Redis."""
    caller.require_admin()
    told = _read(platform, strict=True)
    for file in told["files"]:
        for problem in file["problems"]:
            problem["reason"] = Text.stored(problem["reason"])
    return {"at": told["at"], "files": told["files"]}


def _read(platform: Platform, *, strict: bool = False) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(platform.redis.get(keys.bot_files()) or NOTHING)
    except RedisError:
        if strict:
            raise Unavailable("Redis does not answer; try again") from None
        return {"at": None, "files": []}
    return told


def _line(file: str, problem: dict[str, Any]) -> str:
    return f"{file}:{problem['line']}:{problem['column']}:{problem['code']}"
