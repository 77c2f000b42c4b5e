"""Publishing a flow: a new version, and everybody who stands at a step that goes is moved, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Bot, Flow, FlowVersion
from plugins.flows.document import FlowDocument
from services.core.errors import Conflict, InvalidInput
from services.core.i18n import Text
from services.core.times import iso, utc_now
from services.fleet.bots.signals import bot_changed
from services.fleet.flows.actors import actor_name
from services.fleet.flows.checks.checking import check, errors, known_of
from services.fleet.flows.drafts import locked_flow, refuse_stale
from services.fleet.flows.fields import Publication, Restoration
from services.fleet.flows.impact import impact, version_of
from services.fleet.flows.moving import move_people
from services.fleet.flows.users import bots_using
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform


def publish(platform: Platform, caller: Principal, flow_id: int, wanted: Publication) -> FlowVersion:
    """Make the draft the version that bots play, and move people as `wanted.moves` says; the version.

    Raises NotFound; InvalidInput `flow_has_errors`, `moves_missing` (with the steps that have no move) and `move_unknown`;
    Conflict `draft_changed` when the draft is another than was shown, `flow_published` when somebody else published
    meanwhile.
    """
    with platform.database.transaction() as session:
        flow = locked_flow(session, caller, flow_id)
        refuse_stale(session, caller, flow, wanted.revision)
        version = _put_in_force(platform, session, caller, flow, flow.draft, wanted)
        _note(session, caller, flow, "flow_published", version)
    _announce(platform, flow)
    return version


def roll_back(
    platform: Platform, caller: Principal, flow_id: int, number: int, wanted: Restoration
) -> FlowVersion:
    """Publish an older version's document anew, as the newest version; the draft stays as it is.

    Raises as `publish` does, and NotFound `version_not_found`.
    """
    with platform.database.transaction() as session:
        flow = locked_flow(session, caller, flow_id)
        document = version_of(session, flow, number).document
        version = _put_in_force(platform, session, caller, flow, document, wanted)
        version.restores = number
        _note(session, caller, flow, "flow_rolled_back", version, restored=number)
    _announce(platform, flow)
    return version


def _put_in_force(
    platform: Platform,
    session: Session,
    caller: Principal,
    flow: Flow,
    raw: Mapping[str, Any],
    wanted: Restoration,
) -> FlowVersion:
    _refuse_overtaken(session, caller, flow, wanted.version)
    document = _checked(platform, session, flow, raw)
    moves = _moves(session, flow, document, wanted.moves)
    newest = select(func.max(FlowVersion.number)).where(FlowVersion.flow_id == flow.id)
    number = (session.scalar(newest) or 0) + 1
    now = utc_now()
    version = FlowVersion(
        flow_id=flow.id,
        number=number,
        document=dict(raw),
        published_by=caller.actor,
        published_at=now,
        moves=moves,
    )
    session.add(version)
    flow.published = number
    for bot in _held_bots(session, flow):
        bot.config_version += 1
    session.flush()
    move_people(session, flow.id, number, moves, now)
    return version


def _refuse_overtaken(session: Session, caller: Principal, flow: Flow, seen: int | None) -> None:
    if flow.published == seen:
        return
    newest = session.get(FlowVersion, (flow.id, flow.published)) if flow.published else None
    if newest is None:  # a number that never was
        raise InvalidInput("The flow has no such version", code="version_unknown", field="version")
    raise Conflict(
        Text(
            "{who} published version {number} at {when}; look at what yours would change now",
            who=actor_name(session, caller, flow.account_id, newest.published_by),
            number=newest.number,
            when=iso(newest.published_at),
        ),
        code="flow_published",
        field="version",
    )


def _checked(platform: Platform, session: Session, flow: Flow, raw: Mapping[str, Any]) -> FlowDocument:
    found = errors(check(raw, known_of(session, platform.settings, flow.account_id, raw, flow.key)))
    if found:
        where = ".".join(map(str, found[0].place))
        raise InvalidInput(
            Text("The flow has an error at {where}: {reason}", where=where, reason=found[0].text),
            code="flow_has_errors",
            field=f"document.{where}",
        )
    return FlowDocument.model_validate(dict(raw))


def _moves(
    session: Session, flow: Flow, document: FlowDocument, wanted: Mapping[str, str | None]
) -> dict[str, str | None]:
    """Where the people of each step that goes are put; a step that is said and does not go is an error, as it is a mistake."""
    people = impact(session, flow, document).people
    missing = [step for step in people if step not in wanted]
    if missing:
        raise InvalidInput(
            Text(
                "Say where the people of these steps go: {steps}",
                steps=", ".join(f"{step} ({people[step]})" for step in missing),
            ),
            code="moves_missing",
            field="moves",
        )
    for step, target in wanted.items():
        if step not in people:
            raise InvalidInput(
                Text("The step {step} is not one that goes", step=step),
                code="move_unknown",
                field=f"moves.{step}",
            )
        if target is not None and document.step(target) is None:
            raise InvalidInput(
                Text("There is no step {step} to go to", step=target),
                code="move_unknown",
                field=f"moves.{step}",
            )
    return dict(wanted)


def _held_bots(session: Session, flow: Flow) -> list[Bot]:
    """The bots of a locked flow, held in order of their ids as everybody holds bots; rows that refer to them may come."""
    ids = [bot.id for bot in bots_using(session, flow.account_id, flow.key)]
    query = select(Bot).where(Bot.id.in_(ids)).order_by(Bot.id).with_for_update(key_share=True)
    return list(session.scalars(query, execution_options={"populate_existing": True}))


def _announce(platform: Platform, flow: Flow) -> None:
    """Tell the processes of all bots that play the flow now, those that began to while it was published among them."""
    with platform.database.reading() as session:
        ids = [bot.id for bot in bots_using(session, flow.account_id, flow.key)]
    bot_changed(platform, *ids)


def _note(
    session: Session,
    caller: Principal,
    flow: Flow,
    kind: str,
    version: FlowVersion,
    **details: object,
) -> None:
    audit(
        session,
        caller,
        kind,
        account_id=flow.account_id,
        bot_id=None,
        pool_id=None,
        flow_id=flow.id,
        key=flow.key,
        number=version.number,
        moves=version.moves,
        **details,
    )
