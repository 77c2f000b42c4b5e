"""/status, /list, /health and /stats: how the person's fleet stands."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Select, case, func, select

from models import Bot, BotStatus
from plugins.fleet import FleetButton, Screen
from services.core.i18n import NO_TEXT, Text
from services.fleet.health.sweep import last_sweep_age
from services.operations.manager.finding import bot_named
from services.operations.manager.person import Person, page_line, page_of, pager, pages_of, since
from services.reporting.analytics import overview as analytics

LINES: Final = 20  # bots of a page: with the longest names below Telegram's 4096 characters


def status(person: Person, args: str) -> Screen:
    """Every bot in a line, or one in full."""
    return _one(person, bot_named(person, args)) if args else status_page(person, "0")


def status_page(person: Person, payload: str) -> Screen:
    """One page of /status, by one query however many bots there are."""
    page, rows = page_of(payload), _page(person, page_of(payload))
    total, running = (rows[0].total, rows[0].running) if rows else (0, 0)
    if not rows:
        return person.screen(Text("You have no bots yet. Paste a token from @BotFather to add one."))
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
    page, rows = page_of(payload), _page(person, page_of(payload))
    if not rows:
        return person.screen(Text("You have no bots yet. Paste a token from @BotFather to add one."))
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
    known = analytics.overview(person.platform, person.caller)
    age = last_sweep_age(person.platform)
    broken = [card for card in known.pools if card.is_active and card.health < analytics.HEALTHY_PERCENT]
    lines = [
        Text("🩺 Health"),
        NO_TEXT,
        Text("Bots running: {running}/{total}", running=known.bots_running, total=known.bots_total),
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
            for card in broken[:LINES]
        ),
    ]
    return Screen("\n".join(person.say(line) for line in lines))


def stats(person: Person, _args: str) -> Screen:
    """The last hour in numbers."""
    known = analytics.overview(person.platform, person.caller)
    rate = 100 * known.starts_hour // known.redirects_hour if known.redirects_hour else 0
    lines = [
        Text("📈 Last hour"),
        NO_TEXT,
        Text("Clicks: {count}", count=known.redirects_hour),
        Text("Starts: {count} ({percent}%)", count=known.starts_hour, percent=rate),
        *(
            Text("{name}: clicks {count}", name=card.name, count=card.redirects_hour)
            for card in sorted(known.pools, key=lambda card: -card.redirects_hour)[:LINES]
        ),
    ]
    return Screen("\n".join(person.say(line) for line in lines))


def _page(person: Person, page: int) -> Any:
    """The bots of a page, each with how many there are in all and how many of those run."""
    with person.platform.database.reading() as session:
        return session.execute(_paged(person, page)).all()


def _paged(person: Person, page: int) -> Select[Bot, int, int]:
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
        person.say(Text("Delivery: {state}", state=bot.delivery_state)),
    ]
    if bot.status_reason:
        lines += ["", f"⚠️ {person.say(bot.status_reason)}"]
    return Screen("\n".join(lines), _ways_on(person, bot))


def _ways_on(person: Person, bot: Bot) -> list[list[FleetButton]]:
    """What can be done with one bot; with a lost one another token first of all."""
    token = [FleetButton(person.say(Text("🔑 Replace its token")), "ask_replace_token", str(bot.id))]
    events = [FleetButton(person.say(Text("📜 Last events")), "logs", str(bot.id))]
    return [token, events] if bot.status == BotStatus.FAILED else [events]
