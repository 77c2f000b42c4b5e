"""All that is wrong with a flow: its fields, its ways, its texts, and what it sends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Flow, FlowVersion
from plugins.flows.document import FlowDocument
from services.core.setting_types import AppEnv
from services.core.settings import Settings
from services.fleet.flows.checks.content import Known, check_content
from services.fleet.flows.checks.findings import Finding, Severity
from services.fleet.flows.checks.rounds import check_rounds, jumps_behind
from services.fleet.flows.checks.shape import read
from services.fleet.flows.checks.texts import check_texts, own_variables
from services.fleet.flows.checks.ways import check_ways
from services.fleet.flows.drafts import check_size
from services.fleet.flows.users import bots_using
from services.fleet.media.checking import known_media
from services.fleet.media.usage import media_in
from services.platform.accounts.looking import looking
from services.platform.accounts.principal import Principal, get_owned
from services.platform.platform import Platform

MOST_FINDINGS: Final = 200  # one is mended after the other


def check(document: Mapping[str, Any], known: Known) -> list[Finding]:
    """What is wrong with a flow, complete or not: errors first, each in order of the steps."""
    shape = read(document)
    numbers = _numbers(document)
    own = own_variables(shape.document)
    known = replace(known, variables=own.keys())
    found = [*shape.findings, *check_ways(shape, numbers)]
    found += check_rounds(shape.document, numbers, known.key, known.behind)
    for number, step in enumerate(shape.document.steps):
        inside = [*check_texts(step, own), *check_content(step, known)]
        place = number if shape.is_whole else numbers[step.key]
        found += [replace(each, place=("steps", place, *each.place)) for each in inside]
    ordered = sorted(found, key=lambda each: (each.severity is Severity.WARNING, _step_number(each)))
    return ordered[:MOST_FINDINGS]


def check_draft(platform: Platform, caller: Principal, flow_id: int) -> list[Finding]:
    """What is wrong with the draft of the caller's flow. Raises NotFound."""
    with looking(platform, caller) as session:
        flow = get_owned(session, caller, Flow, flow_id)
        known = known_of(session, platform.settings, flow.account_id, flow.draft, flow.key)
        return check(flow.draft, known)


def check_document(platform: Platform, caller: Principal, document: Mapping[str, Any]) -> list[Finding]:
    """The same for a document that was not saved, as a flow of the caller's. Raises InvalidInput `flow_too_large`."""
    check_size(document)
    with platform.database.reading() as session:
        known = known_of(session, platform.settings, caller.account_id, document)
    return check(document, known)


def known_of(
    session: Session, settings: Settings, account_id: int, document: Mapping[str, Any], key: str = ""
) -> Known:
    """What the flow of the account may name; bots are those that play the flow `key`, which a flow not saved has none of."""
    media, bots = set(media_in(document)), bots_using(session, account_id, key) if key else ()
    rows = session.execute(select(Flow.key, Flow.published).where(Flow.account_id == account_id))
    return Known(
        flows={row.key: row.published is not None for row in rows},
        media=known_media(session, settings, account_id, media, bots),
        test_servers=settings.app_env is AppEnv.TEST,
        key=key,
        behind=_behind(session, account_id, document, key) if key else {},
    )


def _behind(
    session: Session, account_id: int, document: Mapping[str, Any], key: str
) -> Mapping[str, frozenset[str]]:
    def load(keys: frozenset[str]) -> dict[str, FlowDocument]:
        query = (
            select(Flow.key, FlowVersion.document)
            .join(FlowVersion, (FlowVersion.flow_id == Flow.id) & (FlowVersion.number == Flow.published))
            .where(Flow.account_id == account_id, Flow.key.in_(keys))
        )
        return {row.key: FlowDocument.model_validate(row.document) for row in session.execute(query)}

    return jumps_behind(read(document).document, key, load)


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """Those that keep a flow from being published."""
    return [each for each in findings if each.severity is Severity.ERROR]


def _numbers(document: Mapping[str, Any]) -> dict[str, int]:
    """Each step's place in the list; of two with one key the last one's, which is the one to be renamed."""
    return dict(_keys(document))


def _keys(document: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    steps = document.get("steps")
    for number, step in enumerate(steps if isinstance(steps, list) else []):
        if isinstance(step, dict) and isinstance(step.get("key"), str):
            yield step["key"], number


def _step_number(found: Finding) -> int:
    match found.place:
        case ("steps", int() as number, *_):
            return number
        case _:
            return -1
