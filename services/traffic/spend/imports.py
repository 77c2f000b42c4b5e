"""Imports of costs as people and programs see them: brought in parts, looked at, taken back."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from models import ImportStatus, SpendImport, SpendImportPart
from services.core.answer_types import Moment, one_of
from services.core.errors import Conflict, InvalidInput, NotFound
from services.core.i18n import Text
from services.core.times import iso, utc_now
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, audit, get_owned
from services.platform.accounts.quotas import lock_account
from services.platform.platform import Platform
from services.platform.redis.jobs import JobName, enqueue
from services.traffic.spend.fields import Layout, SpendLine, key_of
from services.traffic.spend.problems import SAID, ProblemView, problem_views
from services.traffic.spend.reading import Cost
from services.traffic.spend.values import WrongCell, micros_of_cell, spread
from services.traffic.spend.writing import AT_ONCE, write_costs

MOST_PARTS: Final = 200  # of an import, of up to 400,000 characters each
MOST_UNFINISHED: Final = 5  # of an account: what is brought fills the database before it is read
FORGOTTEN_AFTER: Final = timedelta(days=1)  # of an upload that its beginner left
API_NAME: Final = "API"
MOST_DAYS: Final = 20_000  # days of ads and campaigns in one call


class ImportView(TypedDict):
    """An import and how far it has come: `written` of `rows`. `sums` are what it brought, in millionths by currency;
    `replaced` rows had another amount before. Of a failed one nothing was kept, and `problems` say why."""

    id: int
    name: str
    status: Annotated[str, one_of(ImportStatus)]
    lines: int
    rows: int
    written: int
    replaced: int
    sums: dict[str, int]
    problems: list[ProblemView]
    created_at: Moment
    ended_at: Moment | None


def begin_import(
    platform: Platform, caller: Principal, name: str, layout: Layout, content: str, *, is_last: bool
) -> SpendImport:
    """Take the first part of a table; with `is_last` a worker begins to read it."""
    with platform.database.transaction() as session:
        _make_room(session, caller.account_id)
        one = SpendImport(
            account_id=caller.account_id,
            name=name,
            actor=caller.actor,
            status=ImportStatus.UPLOADING,
            layout=layout.model_dump(mode="json"),
        )
        session.add(one)
        session.flush()
        _keep(session, one, 0, content)
        _complete(session, caller, one, is_last)
    if is_last:
        enqueue(platform.job_redis, JobName.IMPORT_SPEND, one.id)
    return one


def add_part(
    platform: Platform, caller: Principal, import_id: int, number: int, content: str, *, is_last: bool
) -> SpendImport:
    """Take a further part; one that is there already changes nothing, so that a lost answer can be asked for again.

    Raises NotFound, and Conflict `import_complete` or `part_missing`.
    """
    with platform.database.transaction() as session:
        one = _held(session, caller, import_id)
        if one.status != ImportStatus.UPLOADING:
            raise Conflict("All of this import is here already", code="import_complete")
        have = session.scalar(select(func.count()).where(SpendImportPart.import_id == one.id)) or 0
        if number > have:
            raise Conflict(
                Text("Bring part {number} first", number=have), code="part_missing", field="number"
            )
        if number == have:
            _keep(session, one, number, content)
        _complete(session, caller, one, is_last)
    if is_last:
        enqueue(platform.job_redis, JobName.IMPORT_SPEND, one.id)
    return one


def note_spend(platform: Platform, caller: Principal, lines: Sequence[SpendLine]) -> SpendImport:
    """Note costs at once, as an import of their own. Raises InvalidInput naming the line; then nothing is kept."""
    costs = _added_up(lines)
    with platform.database.transaction() as session:
        one = SpendImport(
            account_id=caller.account_id, name=API_NAME, actor=caller.actor, status=ImportStatus.DONE
        )
        one.lines, one.rows, one.written = len(lines), len(costs), len(costs)
        one.replaced, one.sums, one.problems, one.ended_at = 0, _sums(costs), [], utc_now()
        session.add(one)
        session.flush()
        for begin in range(0, len(costs), AT_ONCE):
            one.replaced += write_costs(session, one, costs[begin : begin + AT_ONCE])
        audit(session, caller, "spend_imported", account_id=one.account_id, name=one.name)
    return one


def list_imports(
    platform: Platform, caller: Principal, *, before: int = 0, limit: int = 50
) -> list[SpendImport]:
    """The caller's imports, newest first, from below the id `before` on (0: the newest)."""
    query = select(SpendImport).where(SpendImport.account_id == caller.account_id)
    if before:
        query = query.where(SpendImport.id < before)
    with platform.database.reading() as session:
        return list(session.scalars(query.order_by(SpendImport.id.desc()).limit(limit)))


def get_import(platform: Platform, caller: Principal, import_id: int) -> SpendImport:
    """One import; NotFound for somebody else's."""
    with looking(platform, caller) as session:
        return get_owned(session, caller, SpendImport, import_id)


def delete_import(platform: Platform, caller: Principal, import_id: int) -> None:
    """Take an import back: the amounts that it brought go, but for those that a later one replaced. What it had replaced
    itself does not come back. One that is under way ends.
    """
    with platform.database.transaction() as session:
        one = _held(session, caller, import_id)
        audit(session, caller, "spend_import_deleted", account_id=one.account_id, name=one.name)
        session.delete(one)


def describe_import(one: SpendImport) -> ImportView:
    """The JSON of an import."""
    return {
        "id": one.id,
        "name": one.name,
        "status": one.status,
        "lines": one.lines,
        "rows": one.rows,
        "written": one.written,
        "replaced": one.replaced,
        "sums": one.sums,
        "problems": problem_views(one.problems),
        "created_at": iso(one.created_at),
        "ended_at": iso(one.ended_at),
    }


def _held(session: Session, caller: Principal, import_id: int) -> SpendImport:
    one = get_owned(session, caller, SpendImport, import_id)
    held = session.get(SpendImport, one.id, with_for_update=True, populate_existing=True)
    if held is None:
        raise NotFound("There is no such import of costs", code="spend_import_not_found")
    return held


def _keep(session: Session, one: SpendImport, number: int, content: str) -> None:
    if number >= MOST_PARTS:
        raise InvalidInput(
            Text("An import has at most {most} parts: split the file", most=MOST_PARTS),
            code="import_too_large",
            field="number",
        )
    packed = zlib.compress(content.encode(), 1)
    session.add(SpendImportPart(import_id=one.id, number=number, content=packed))


def _complete(session: Session, caller: Principal, one: SpendImport, is_last: bool) -> None:
    if is_last:
        one.status = ImportStatus.READING
        audit(session, caller, "spend_imported", account_id=one.account_id, name=one.name)


def _make_room(session: Session, account_id: int) -> None:
    """Forget uploads that were left. Raises Conflict `imports_unfinished` where too many are under way."""
    session.execute(
        delete(SpendImport).where(
            SpendImport.account_id == account_id,
            SpendImport.status == ImportStatus.UPLOADING,
            SpendImport.created_at < utc_now() - FORGOTTEN_AFTER,
        )
    )
    lock_account(session, account_id)
    unfinished = select(func.count()).where(
        SpendImport.account_id == account_id, SpendImport.ended_at.is_(None)
    )
    if (session.scalar(unfinished) or 0) >= MOST_UNFINISHED:
        raise Conflict(
            Text("{most} imports are under way: wait for them, or take one back", most=MOST_UNFINISHED),
            code="imports_unfinished",
        )


def _added_up(lines: Sequence[SpendLine]) -> list[Cost]:
    found: dict[object, Cost] = {}
    for place, line in enumerate(lines):
        try:
            micros = micros_of_cell(line.amount, ".")
            days = list(spread(micros, line.day, line.until or line.day))
        except WrongCell as wrong:
            raise _refusal(wrong.code, place) from None
        for day, part in days:
            key = key_of(day, line.source, line.campaign, line.ad)
            before = found.get(key)
            if before is not None and before.currency != line.currency:
                raise _refusal("spend_two_currencies", place)
            found[key] = Cost(key, part + (before.micros if before else 0), line.currency)
        if len(found) > MOST_DAYS:
            raise _refusal("spend_rows_many", place)
    return list(found.values())


def _refusal(code: str, place: int) -> InvalidInput:
    return InvalidInput(SAID[code], code=code, field=f"lines.{place}")


def _sums(costs: Sequence[Cost]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for cost in costs:
        sums[cost.currency] = sums.get(cost.currency, 0) + cost.micros
    return dict(sorted(sums.items()))
