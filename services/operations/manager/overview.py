"""/status, /list, /health and /stats: how the person's fleet stands."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Select, case, func, select

from models import Bot, BotStatus
from plugins.fleet import FleetButton, Screen
from services.core.i18n import N_, NO_TEXT, Text
from services.fleet.health.sweep import last_sweep_age
from services.operations.manager.finding import NO_BOTS, bot_named
from services.operations.manager.person import Person, cut, page_line, page_of, pager, pages_of, since
from services.reporting.analytics import overview as analytics

LINES: Final = 20  # bots of a page: with the longest names below Telegram's 4096 characters
DELIVERY: Final = {
    "ok": N_("OK"),
    "failing": N_("Failing"),
    "unknown": N_("Not known yet"),
    "off": N_("Switched off"),
}


def status(person: Person, args: str) -> Screen:
    """Every bot in a line, or one in full."""
    return _one(person, bot_named(person, args)) if args else status_page(person, "0")


def status_page(person: Person, payload: str) -> Screen:
    """One page of /status, by one query however many bots there are."""
    page, rows = _page(person, page_of(payload))
    if not rows:
        return person.screen(NO_BOTS)
    total, running = rows[0].total, rows[0].running
    pages = pages_of(total, LINES)
    lines = [
        person.say(Text("📊 Bot Status Overview")),
        "",
        *(_line(row.Bot) for row in rows),
        "",
        person.say(Text("Summary: {running}/{total} running", running=running, total=total)),
        *page_line(person, page, pages),
    ]
    return Screen("\n".join(lines), pager(person, "status", page, pages))


def listing(person: Person, _args: str) -> Screen:
    """Every bot with its ids."""
    return list_page(person, "0")


def list_page(person: Person, payload: str) -> Screen:
    """One page of /list."""
    page, rows = _page(person, page_of(payload))
    if not rows:
        return person.screen(NO_BOTS)
    pages = pages_of(rows[0].total, LINES)
    lines = [
        person.say(Text("🤖 Your bots: {total}", total=rows[0].total)),
        "",
        *(f"@{row.Bot.username} · {row.Bot.name} · {row.Bot.public_id}" for row in rows),
        *page_line(person, page, pages),
    ]
    return Screen("\n".join(lines), pager(person, "list", page, pages))


def health(person: Person, _args: str) -> Screen:
    """Whether all is well: bots, pools, dead letters, and when the last round of checks was."""
    return health_page(person, "0")


def health_page(person: Person, payload: str) -> Screen:
    """The same with one page of the pools that are in trouble; its bots run as /status says."""
    known, (_, rows) = analytics.overview(person.platform, person.caller), _page(person, 0)
    age = last_sweep_age(person.platform)
    broken = [card for card in known.pools if card.is_active and card.health < analytics.HEALTHY_PERCENT]
    page, pages, shown = cut(broken, page_of(payload), LINES)
    lines = [
        Text("🩺 Health"),
        NO_TEXT,
        Text(
            "Bots running: {running}/{total}",
            running=rows[0].running if rows else 0,
            total=known.bots_total,
        ),
        Text("Pools healthy: {healthy}/{total}", healthy=known.pools_healthy, total=known.pools_total),
        Text("Dead letters: {count}", count=known.dead_letters),
        Text("No round of checks yet")
        if age is None
        else Text("Last round of checks: {seconds} s ago", seconds=int(age)),
        *(
            Text(
                "🔴 {name}: {health}% ({online}/{total})",
                name=card.name,
                health=card.health,
                online=card.online,
                total=card.total,
            )
            for card in shown
        ),
    ]
    return _paged(person, lines, "health", page, pages)


def stats(person: Person, _args: str) -> Screen:
    """The last hour in numbers, the pools with the most clicks first."""
    return stats_page(person, "0")


def stats_page(person: Person, payload: str) -> Screen:
    """The same with one page of the pools."""
    known = analytics.overview(person.platform, person.caller)
    ranked = sorted(known.pools, key=lambda card: -card.redirects_hour)
    page, pages, shown = cut(ranked, page_of(payload), LINES)
    rate = 100 * known.starts_hour // known.redirects_hour if known.redirects_hour else 0
    lines = [
        Text("📈 Last hour"),
        NO_TEXT,
        Text("Clicks: {count}", count=known.redirects_hour),
        Text("Starts: {count} ({percent}%)", count=known.starts_hour, percent=rate),
        *(Text("{name}: clicks {count}", name=card.name, count=card.redirects_hour) for card in shown),
    ]
    return _paged(person, lines, "stats", page, pages)


def _paged(person: Person, lines: list[Text], action: str, page: int, pages: int) -> Screen:
    shown = [*(person.say(line) for line in lines), *page_line(person, page, pages)]
    return Screen("\n".join(shown), pager(person, action, page, pages))


def _page(person: Person, page: int) -> tuple[int, Any]:
    """The bots of a page, each with how many there are in all and how many of those run; the first page for one that is gone."""
    with person.platform.database.reading() as session:
        rows = session.execute(_bots(person, page)).all()
        return (page, rows) if rows or not page else (0, session.execute(_bots(person, 0)).all())


def _bots(person: Person, page: int) -> Select[Bot, int, int]:
    runs = Bot.desired_running & (Bot.status != BotStatus.FAILED)
    return (
        select(
            Bot,
            func.count().over().label("total"),
            func.sum(case((runs, 1), else_=0)).over().label("running"),
        )
        .where(Bot.account_id == person.caller.account_id, ~Bot.is_manager)
        .order_by(Bot.username, Bot.id)
        .limit(LINES)
        .offset(page * LINES)
    )


def _line(bot: Bot) -> str:
    name = f"{bot.username} ({bot.name})"
    if not bot.desired_running:
        return f"⏹️ {name}"
    return (
        f"⚠️ {name}"
        if bot.status == BotStatus.FAILED
        else f"✅ {name} - {since(bot.running_since or bot.created_at)}"
    )


def _one(person: Person, bot: Bot) -> Screen:
    lines = [
        _line(bot),
        "",
        person.say(Text("Id: {id}", id=bot.public_id)),
        person.say(Text("Mode: {mode}", mode=str(bot.mode))),
        person.say(Text("Delivery: {state}", state=Text(DELIVERY[bot.delivery_state]))),
    ]
    if bot.status_reason:
        lines += ["", f"⚠️ {person.say(bot.status_reason)}"]
    return Screen("\n".join(lines), _ways_on(person, bot))


def _ways_on(person: Person, bot: Bot) -> list[list[FleetButton]]:
    """What can be done with one bot; with a lost one another token first of all."""
    token = [FleetButton(person.say(Text("🔑 Replace its token")), "ask_replace_token", str(bot.id))]
    events = [FleetButton(person.say(Text("📜 Last events")), "logs", str(bot.id))]
    return [token, events] if bot.status == BotStatus.FAILED else [events]
