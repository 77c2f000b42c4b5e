"""/pools, /pool and /pause_pool: how the links stand, and their switches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import select

from models import AuditEvent, RedirectPool
from plugins.fleet import FleetButton, Screen
from services.core.errors import NotFound
from services.core.i18n import N_, Text
from services.fleet.pools.fields import MemberChange, PoolChange
from services.fleet.pools.members import update_member
from services.fleet.pools.pools import update_pool
from services.operations.manager.finding import NO_POOLS, own_pools, pool_named, which_pool
from services.operations.manager.person import (
    Person,
    confirmation,
    cut,
    page_line,
    page_of,
    pager,
    since,
)
from services.reporting.analytics.fleet import PoolCard, pool_cards
from services.reporting.event_texts import event_text
from services.reporting.pool_status import MemberStatusView, PoolStatus, pool_status

LINES: Final = 8  # pools of a page: each has a button
MEMBERS: Final = 20  # of a page: each has two of the hundred buttons that Telegram takes
BAR: Final = 10  # squares of a health bar
TITLES: Final = {True: N_("🎯 {name} (/go/{slug})"), False: N_("🎯 {name} (/go/{slug}) · paused")}
SIGNS: Final = {
    "online": "🟢",
    "degraded": "🟡",
    "suspect": "🟡",
    "checking": "⚪",
    "draining": "⏸️",
    "disabled": "⏹️",
}


def pools(person: Person, _args: str) -> Screen:
    """Every pool in a line."""
    return pools_page(person, "0")


def pools_page(person: Person, payload: str) -> Screen:
    """One page of them, each with a button."""
    cards = pool_cards(person.platform, person.caller)
    if not cards:
        return person.screen(NO_POOLS)
    page, pages, shown = cut(cards, page_of(payload), LINES)
    lines = [person.say(Text("🎯 Your pools: {total}", total=len(cards))), ""]
    lines += [_line(person, card) for card in shown]
    rows = [[FleetButton(card.name, "pool", str(card.id))] for card in shown]
    return Screen(
        "\n".join([*lines, *page_line(person, page, pages)]), [*rows, *pager(person, "pools", page, pages)]
    )


def pool(person: Person, args: str) -> Screen:
    """One pool in full."""
    if not args:
        return which_pool(person, "pool")
    return _shown(person, pool_named(person, args).id)


def pool_tapped(person: Person, payload: str) -> Screen:
    """The pool of a button."""
    return _shown(person, _numbered(person, payload).id)


def members_page(person: Person, payload: str) -> Screen:
    """The same with another page of its members; `payload` is `<page>:<pool>`."""
    page, _, pool_id = payload.partition(":")
    return _shown(person, _numbered(person, pool_id).id, page_of(page))


def pause_pool(person: Person, args: str) -> Screen:
    """Ask before a pool is paused, or goes on."""
    if not args:
        return which_pool(person, "ask_pause")
    return _ask_pause(person, pool_named(person, args))


def ask_pause(person: Person, payload: str) -> Screen:
    """The same for the pool of a button."""
    return _ask_pause(person, _numbered(person, payload))


def pause_confirmed(person: Person, payload: str) -> Screen:
    """Pause it: its link sends visitors to the fallback."""
    return _switch(person, payload, is_active=False)


def resume_confirmed(person: Person, payload: str) -> Screen:
    """Let its link send visitors to bots again."""
    return _switch(person, payload, is_active=True)


def ask_member(person: Person, payload: str) -> Screen:
    """Ask before a member changes; `payload` is `<what>:<pool>:<bot>`."""
    what, pool_id, bot_id = payload.split(":")
    found = _numbered(person, pool_id)
    name = next((one.username for one in _status(person, found.id).members if str(one.bot_id) == bot_id), "")
    if not name:
        raise NotFound("There is no such bot", code="bot_not_found")
    questions = {
        "drain": Text(
            "Drain @{username}? It gets no new visitors of {pool}.", username=name, pool=found.name
        ),
        "undrain": Text("Let @{username} serve {pool} again?", username=name, pool=found.name),
        "promote": Text("Promote @{username} to the first tier of {pool}?", username=name, pool=found.name),
    }
    return confirmation(person, questions[what], "do_member", payload)


def member_confirmed(person: Person, payload: str) -> Screen:
    """Do it, and show the pool."""
    what, pool_id, bot_id = payload.split(":")
    found = _numbered(person, pool_id)
    if what == "promote":
        change = MemberChange(priority=_first_tier(_status(person, found.id)))
    else:
        change = MemberChange(draining=what == "drain")
    update_member(person.platform, person.caller, found.id, int(bot_id), change)
    return _shown(person, found.id)


def _line(person: Person, card: PoolCard) -> str:
    sign = "⏸️" if not card.is_active else "🟢" if card.health >= 50 else "🔴"  # half of it: as the panel's
    clicks = person.say(Text("{count} clicks/h", count=card.redirects_hour))
    return f"{sign} {card.name} (/go/{card.slug}) {card.health}% ({card.online}/{card.total}) · {clicks}"


def _shown(person: Person, pool_id: int, page: int = 0) -> Screen:
    found = _status(person, pool_id)
    page, pages, members = cut(found.members, page, MEMBERS)
    full = found.health * BAR // 100
    lines = [
        person.say(Text(TITLES[found.is_active], name=found.name, slug=found.slug)),
        f"{'🟩' * full}{'⬜' * (BAR - full)} "
        + person.say(
            Text(
                "{health}% ({online}/{total} online)",
                health=found.health,
                online=found.online_bots,
                total=found.total_bots,
            )
        ),
        person.say(Text("Clicks in the last hour: {count}", count=found.redirects_hour)),
        "",
        *(_member_line(one) for one in members),
        *page_line(person, page, pages),
        *_last_change(person, pool_id),
    ]
    turns = pager(person, "members", page, pages, f":{pool_id}")
    return Screen("\n".join(lines), [*_buttons(person, found, members), *turns])


def _member_line(member: MemberStatusView) -> str:
    spare = " ⭐" if member.priority < 0 else ""
    return f"{SIGNS.get(member.state, '🔴')} @{member.username} {member.share:g}%{spare}"


def _last_change(person: Person, pool_id: int) -> list[str]:
    """What somebody last did to the pool, and how long ago."""
    newest = (AuditEvent.at.desc(), AuditEvent.id.desc())
    mine = (AuditEvent.pool_id == pool_id, AuditEvent.account_id == person.caller.account_id)
    with person.platform.database.reading() as session:
        event = session.scalar(select(AuditEvent).where(*mine).order_by(*newest).limit(1))
    if event is None:
        return []
    told = event_text(event.kind, event.details)
    return ["", person.say(Text("Last change: {what}, {age} ago", what=told, age=since(event.at)))]


def _buttons(
    person: Person, found: PoolStatus, members: Sequence[MemberStatusView]
) -> list[list[FleetButton]]:
    pause = Text("⏸️ Pause") if found.is_active else Text("▶️ Resume")
    rows = [[FleetButton(person.say(pause), "ask_pause", str(found.pool_id))]]
    for member in members:
        place = f"{found.pool_id}:{member.bot_id}"
        row = [
            FleetButton(f"▶️ @{member.username}", "ask_member", f"undrain:{place}")
            if member.draining
            else FleetButton(f"⏸️ @{member.username}", "ask_member", f"drain:{place}")
        ]
        if member.priority < _first_tier(found):
            row.append(FleetButton(f"⬆️ @{member.username}", "ask_member", f"promote:{place}"))
        rows.append(row)
    return rows


def _first_tier(found: PoolStatus) -> int:
    return max([0, *(member.priority for member in found.members)])


def _status(person: Person, pool_id: int) -> PoolStatus:
    return pool_status(person.platform, person.caller, pool_id)


def _ask_pause(person: Person, found: RedirectPool) -> Screen:
    if found.is_active:
        asked = Text("Pause pool {name}? Its visitors go to the fallback.", name=found.name)
        return confirmation(person, asked, "do_pause", str(found.id))
    return confirmation(person, Text("Resume pool {name}?", name=found.name), "do_resume", str(found.id))


def _switch(person: Person, payload: str, *, is_active: bool) -> Screen:
    found = _numbered(person, payload)
    update_pool(person.platform, person.caller, found.id, PoolChange(is_active=is_active))
    done = (
        Text("▶️ Pool {name} goes on", name=found.name)
        if is_active
        else Text("⏸️ Pool {name} is paused", name=found.name)
    )
    return person.screen(done, [[FleetButton(found.name, "pool", str(found.id))]])


def _numbered(person: Person, payload: str) -> RedirectPool:
    found = next((each for each in own_pools(person) if str(each.id) == payload), None)
    if found is None:
        raise NotFound("There is no such pool", code="pool_not_found")
    return found
