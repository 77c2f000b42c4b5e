"""Running the checks side by side, each with its time; mending what is safe, and looking again."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLong
from dataclasses import dataclass, replace
from typing import Final

from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError
from typing_extensions import TypedDict

from services.core.answer_types import Moment, Sentence
from services.core.errors import FlotillaError, InvalidInput
from services.core.i18n import NO_TEXT, Text
from services.core.times import iso, utc_now
from services.operations.doctor import topics  # noqa: F401 - registers the checks
from services.operations.doctor.check import Check, CouldNotLook, NotApplicable, Severity, every
from services.operations.doctor.facts import Facts
from services.platform.platform import Platform

logger = logging.getLogger(__name__)
SIDE_BY_SIDE: Final = 8
CHECK_SECONDS: Final = 15.0
WELL, UNKNOWN, SKIPPED = "ok", "unknown", "skipped"


@dataclass(frozen=True)
class Result:
    """What became of a check: `state` is "ok", "error", "warning", "unknown" (could not look) or "skipped" (does not apply)."""

    check: Check
    state: str
    what: Text = NO_TEXT
    mended: bool = False


class ResultView(TypedDict):
    """A check that found something, or could not look. `fixable`: `--fix` mends it."""

    name: str
    topic: str
    state: str
    what: Sentence
    why: Sentence
    advice: Sentence
    fixable: bool
    mended: bool


class DiagnosisView(TypedDict):
    """One run: how many checks were well or did not apply, and all others."""

    at: Moment
    well: int
    skipped: int
    results: list[ResultView]


def diagnose(platform: Platform, names: Collection[str] = (), *, fix: bool = False) -> list[Result]:
    """Run all checks, or those with `names`; with `fix` mend what is safe and look at it again. Raises InvalidInput `unknown_check`."""
    chosen = _chosen(names)
    facts = Facts(platform)
    results = _run(facts, chosen)
    if not fix:
        return results
    remedied = {result.check.name for result in results if _remedied(facts, result)}
    again = {each.check.name: each for each in _run(Facts(platform), _chosen(remedied))} if remedied else {}
    return [
        replace(again[name], mended=again[name].state == WELL) if name in again else result
        for result in results
        for name in (result.check.name,)
    ]


def exit_code(results: Iterable[Result]) -> int:
    """0: nothing is wrong; 1: warnings, or checks that could not look; 2: errors."""
    states = {result.state for result in results}
    return 2 if Severity.ERROR in states else 1 if states & {Severity.WARNING, UNKNOWN} else 0


def described(results: Iterable[Result]) -> DiagnosisView:
    """The JSON of a run."""
    every_one = list(results)
    return {
        "at": iso(utc_now()),
        "well": sum(result.state == WELL and not result.mended for result in every_one),
        "skipped": sum(result.state == SKIPPED for result in every_one),
        "results": [
            {
                "name": result.check.name,
                "topic": str(result.check.topic),
                "state": str(result.state),
                "what": result.what,
                "why": result.check.why,
                "advice": result.check.advice,
                "fixable": result.check.remedy is not None,
                "mended": result.mended,
            }
            for result in every_one
            if result.mended or result.state not in (WELL, SKIPPED)
        ],
    }


def _chosen(names: Collection[str]) -> list[Check]:
    checks = list(every())
    unknown = sorted(set(names) - {each.name for each in checks})
    if unknown:
        raise InvalidInput(Text("There is no check “{name}”", name=unknown[0]), code="unknown_check")
    return [each for each in checks if not names or each.name in names]


def _run(facts: Facts, checks: list[Check]) -> list[Result]:
    executor = ThreadPoolExecutor(SIDE_BY_SIDE)
    try:
        futures = [(check, executor.submit(_result, facts, check)) for check in checks]
        return [_in_time(check, future) for check, future in futures]
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _in_time(check: Check, future: Future[Result]) -> Result:
    try:
        return future.result(CHECK_SECONDS)
    except TooLong:
        words = Text("It took longer than {seconds} seconds", seconds=round(CHECK_SECONDS))
        return Result(check, UNKNOWN, words)


def _result(facts: Facts, check: Check) -> Result:
    try:
        what = check.look(facts)
    except NotApplicable:
        return Result(check, SKIPPED)
    except CouldNotLook as error:
        return Result(check, UNKNOWN, Text.verbatim(str(error)))
    except FlotillaError as error:
        return Result(check, UNKNOWN, error.text)
    except (RedisError, SQLAlchemyError, OSError) as error:
        return Result(check, UNKNOWN, Text("It could not look: {kind}", kind=type(error).__name__))
    except Exception:
        logger.exception("a check of the doctor failed", extra={"check": check.name})
        return Result(
            check, UNKNOWN, Text("It could not look: {kind}", kind="a fault of the check; see the log")
        )
    return Result(check, str(check.severity), what) if what else Result(check, WELL)


def _remedied(facts: Facts, result: Result) -> bool:
    if result.state not in (Severity.ERROR, Severity.WARNING) or result.check.remedy is None:
        return False
    try:
        result.check.remedy(facts)
    except (FlotillaError, RedisError, SQLAlchemyError, OSError):
        logger.warning("not mended: %s", result.check.name, exc_info=True)
        return False
    return True
