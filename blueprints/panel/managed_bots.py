"""Page of admins: bots that were made by the manager bot's link and belong to nobody yet; and what other pages say of that link."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from typing_extensions import TypedDict

from blueprints.panel.blueprint import blueprint
from services.core.errors import Conflict, NotFound, TelegramError
from services.operations.managed import adopting
from services.operations.managed.managing import RIGHT
from services.operations.manager.ensuring import manager_of
from web.access import caller, fresh, signed_in
from web.platform import platform


class Making(TypedDict):
    """Whether bots are made by one tap here: the manager bot's username, "" where there is none, and its right."""

    manager: str
    can: bool


def making() -> Making:
    """What the dialog for a new bot says."""
    bot = manager_of(platform())
    return {
        "manager": bot.username if bot else "",
        "can": bot is not None and bool(bot.capabilities.get(RIGHT)),
    }


def waiting_count() -> int:
    """How many bots wait for an administrator; 0 for everybody else."""
    return len(adopting.list_waiting(platform(), caller())) if caller().is_admin else 0


@blueprint.get("/panel/admin/managed-bots")
@signed_in
def managed_bots() -> str:
    """The bots that belong to nobody here."""
    return _page()


@blueprint.post("/panel/admin/managed-bots/<telegram_bot_id>/adopt")
@signed_in
@fresh(page="panel.managed_bots")
def adopt_bot(telegram_bot_id: str) -> ResponseReturnValue:
    """Take one for an account."""
    try:
        outcome = adopting.adopt(
            platform(), caller(), _number(telegram_bot_id), request.form.get("email", "")
        )
    except (Conflict, NotFound, TelegramError) as error:
        if error.code == "managed_bot_not_found":
            raise
        return _page(error=error), type(error).status
    flash(_("@%(bot)s was added.", bot=outcome.username))
    return redirect(url_for("panel.managed_bots"))


@blueprint.post("/panel/admin/managed-bots/<telegram_bot_id>/let-go")
@signed_in
@fresh(page="panel.managed_bots")
def let_bot_go(telegram_bot_id: str) -> ResponseReturnValue:
    """Show one no more."""
    adopting.let_go(platform(), caller(), _number(telegram_bot_id))
    return redirect(url_for("panel.managed_bots"))


def _number(telegram_bot_id: str) -> int:
    return int(telegram_bot_id) if telegram_bot_id.isdecimal() and len(telegram_bot_id) < 19 else 0


def _page(*, error: Conflict | NotFound | TelegramError | None = None) -> str:
    return render_template(
        "panel/managed_bots.html",
        section="panel.bots",
        rows=adopting.list_waiting(platform(), caller()),
        error=error,
        typed=request.form,
    )


def managed_bot_texts() -> dict[str, str]:
    """What the scripts say of ending a token."""
    return {
        "token_rotated": _("The token before is dead. The bot goes on with a new one."),
        "rotate_token.title": _("End the token of {name}?"),
        "rotate_token.text": _(
            "Whoever has it is out at once. Telegram hands out a new one, which nobody sees; leads, settings and places in pools stay."
        ),
        "rotate_token.action": _("End the token"),
    }
