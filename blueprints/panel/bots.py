"""Pages: the list of bots, and one bot with its tabs."""

from __future__ import annotations

from typing import Any, Literal

from flask import json, render_template
from flask_babel import gettext as _
from pydantic import BaseModel, Field

from blueprints.api.body import query
from blueprints.panel.blueprint import blueprint
from blueprints.panel.bot_tabs import event_kinds
from blueprints.panel.managed_bots import making, waiting_count
from blueprints.panel.plugin_forms import plugin_forms
from blueprints.panel.pools import card_rows, pool_names
from blueprints.panel.problems import surroundings
from blueprints.panel.strategies import strategies
from models import BotStatus, MemberStatus
from services.alerts.notifications.incidents import unread_incidents
from services.core.encryption import sha256_hex
from services.fleet.bots.registry import get_bot, list_bots
from services.fleet.bots.tags import LONGEST_TAG
from services.fleet.pools.pools import get_pool
from services.operations.managed.rotation import rotatable
from services.reporting.analytics.bots import BotFilter, bot_with_condition, list_page
from services.reporting.bot_files import files_page
from services.reporting.bot_people import people_page
from web.access import caller, signed_in
from web.platform import platform


class _Asked(BaseModel):
    """What the list of bots is filtered by; `mark` is that of the list which the page shows."""

    q: str = Field("", max_length=100)
    state: BotStatus | MemberStatus | Literal["trouble", ""] = ""
    tag: str = Field("", max_length=LONGEST_TAG)
    pool: int | None = Field(None, ge=1, lt=2**63)
    page: int = Field(1, ge=1, le=10_000)
    mark: str = Field("", max_length=32)


class _AskedFiles(BaseModel):
    """Which page of a bot's files is wanted."""

    page: int = Field(1, ge=1, le=10_000)


class _AskedPeople(BaseModel):
    """Which people of a bot are looked for."""

    q: str = Field("", max_length=100)
    page: int = Field(1, ge=1, le=10_000)


@blueprint.get("/panel/bots")
@signed_in
def bots() -> str:
    """All bots of the caller."""
    return render_template(
        "panel/bots.html",
        initial=_live(_Asked()),
        pool_choices=pool_names(),
        making=making(),
        waiting=waiting_count(),
    )


@blueprint.get("/panel/live/bots")
@signed_in
def live_bots() -> dict[str, Any]:
    """The same for the page's script, which says what it filters by and has: without a change the list is left out."""
    asked = query(_Asked)
    found = _live(asked)
    if found["mark"] == asked.mark:
        found = {"mark": found["mark"]}
    return {**found, **surroundings(), "unread": unread_incidents(platform(), caller())}


@blueprint.get("/panel/live/bots/names")
@signed_in
def bot_names() -> dict[str, Any]:
    """All bots of the caller by name alone, for choices."""
    bots = list_bots(platform(), caller())
    return {"bots": [{"id": bot.id, "username": bot.username, "name": bot.name} for bot in bots]}


@blueprint.get("/panel/bots/<bot_id>")
@signed_in
def bot(bot_id: str) -> str:
    """One bot with its tabs."""
    found = get_bot(platform(), caller(), bot_id)
    followed = found.follows_pool_id and get_pool(platform(), caller(), found.follows_pool_id)
    return render_template(
        "panel/bot.html",
        section="panel.bots",
        bot=bot_with_condition(platform(), found),
        followed=followed,
        is_rotatable=bool(rotatable(platform(), [found])),
        plugins=plugin_forms(),
        link_url=platform().settings.telegram_link_url,
        pools=card_rows(),
        strategies=strategies,
        event_kinds=event_kinds(),
    )


@blueprint.get("/panel/live/bots/<int:bot_id>")
@signed_in
def live_bot(bot_id: int) -> dict[str, Any]:
    """One bot for its page's script."""
    return {
        "bot": bot_with_condition(platform(), get_bot(platform(), caller(), bot_id)),
        **surroundings(),
    }


@blueprint.get("/panel/live/bots/<int:bot_id>/people")
@signed_in
def bot_people(bot_id: int) -> dict[str, Any]:
    """A page of the people whom a bot knows."""
    asked = query(_AskedPeople)
    return people_page(platform(), caller(), bot_id, asked.q, asked.page)


@blueprint.get("/panel/live/bots/<int:bot_id>/files")
@signed_in
def bot_files(bot_id: int) -> dict[str, Any]:
    """A page of the files that people sent to a bot."""
    return files_page(platform(), caller(), bot_id, query(_AskedFiles).page)


def _live(asked: _Asked) -> dict[str, Any]:
    """The list and its `mark`, which changes with anything in it."""
    wanted = BotFilter(asked.q, asked.state, asked.tag, asked.pool, asked.page)
    found = {"list": list_page(platform(), caller(), wanted).as_json(), "pools": pool_names()}
    return {**found, "mark": sha256_hex(json.dumps(found, sort_keys=True))[:16]}


def bot_users_texts() -> dict[str, str]:
    """What the tab of a bot's users says."""
    return {
        "users.hidden": _("{n} more: find them by number or note."),
        "users.until": _("until {when}"),
        "users.for_good": _("for good"),
        "users.remove": _("Take {id} off the list"),
        "users.nameless": _("No name"),
        "users.is_blocked": _("Blocked {until}"),
        "users.block": _("Block {name}"),
        "lead.active": _("Can be written to"),
        "lead.blocked": _("Has blocked the bot"),
        "lead.unreachable": _("Knows the former bot only: has to press Start again"),
        "lead.deactivated": _("Account deleted"),
    }


def bots_texts() -> dict[str, str]:
    """What the list's scripts say."""
    return {
        "bots.all": _("All bots"),
        "bots.trouble": _("Need attention"),
        "bots.page": _("Page {page} of {pages}"),
        "bots.pick_all": _("Select all {all}"),
        "bots.picked": _("Selected: {n} of {all}"),
        "bulk.apply": _("Go on"),
        "bulk.done": _("Done: {n}"),
        "bulk.refused": _("Refused, and still selected:"),
        "bulk.more": _("{n} more"),
        "bulk.stop.title": _("Bots selected: {n}. Stop them?"),
        "bulk.stop.text": _(
            "They answer nobody until you start them again, and pools send them no visitors. Telegram keeps messages for 24 hours."
        ),
        "bulk.drain.title": _("Bots selected: {n}. Drain them in {pool}?"),
        "bulk.drain.text": _("They get no new visitors there; running conversations go on."),
        "bulk.remove_from_pool.title": _("Bots selected: {n}. Remove them from {pool}?"),
        "bulk.remove_from_pool.text": _(
            "New visitors go to the other bots at once. The bots, their clicks and their conversations stay."
        ),
        "many.wait": _("waiting"),
        "many.busy": _("asking Telegram…"),
        "many.added": _("{name} added"),
        "many.no_token": _("no token in this line"),
        "many.twice": _("the same bot as in line {line}"),
        "many.line": _("Line {line} · {bot}"),
        "many.progress": _("Lines done: {n} of {all}. Bots added: {added}"),
    }
