"""What the section "Destinations" of the notifications' page needs: the list, the choices, the scripts' texts."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from blueprints.panel.plurals import ScriptText, counted
from services.alerts.notifications.fields import zones
from services.alerts.notifications.registry import list_destinations
from services.alerts.notifications.senders import offered_bots
from services.alerts.notifications.views import describe
from services.fleet.bots.registry import list_bots
from services.fleet.pools.pools import list_pools
from web.access import caller
from web.platform import platform


def destination_context() -> dict[str, Any]:
    """Variables of the two templates."""
    settings, every = platform().settings, list_bots(platform(), caller())
    manager_ready = bool(settings.manager_bot_token.get_secret_value())
    rows = list_destinations(platform(), caller())
    bots = offered_bots(platform(), caller(), every)
    used = {bot_id for row in rows for bot_id in (row.bot_id, row.reserve_bot_id)}
    return {
        "destinations": [describe(row) for row in rows],
        "bots": bots,
        "unwell": [bot for bot in every if bot.id in used and bot not in bots],
        "pools": list_pools(platform(), caller()),
        "zones": sorted(zones()),
        "mail_ready": bool(settings.smtp_url.get_secret_value()),
        "manager_ready": manager_ready,
        "first_bot": None if manager_ready or not bots else str(bots[0].id),
    }


def destination_texts() -> dict[str, ScriptText]:
    """What static/js/panel/destinations.js and edit-destination.js say."""
    return {
        "destination.telegram": "Telegram",
        "destination.email": _("E-mail"),
        "destination.webhook": _("Signed webhook"),
        "destination.state.ok": _("Works"),
        "destination.state.untried": _("Not tried yet"),
        "destination.state.unlinked": _("Chat not connected"),
        "destination.state.failing": _("Fails, is tried again"),
        "destination.state.refused": _("Refused: needs you"),
        "destination.state.reserve": _("The stand-in writes"),
        "destination.state.off": _("Switched off"),
        "destination.level.info": _("Everything"),
        "destination.level.warning": _("Warnings and critical"),
        "destination.level.critical": _("Only critical"),
        "destination.rules": counted("{count} rule", "{count} rules"),
        "destination.quiet": _("quiet {from}–{until}"),
        "destination.last_sent": _("Last message {when}"),
        "destination.tested": _("The test message arrived."),
        "destination.test_failed": _("The test did not arrive: {reason}"),
        "destination.deleted": _("The destination was deleted."),
        "destination.url_hint": _("A public https address of your program."),
        "destination.url_stays": _("Leave it empty to keep the present address."),
        "delete_destination.title": _("Delete {name}?"),
        "delete_destination.text": _("It gets no more notifications. Those in the panel stay."),
        "delete_destination.action": _("Delete destination"),
        "error.destination_not_found": _("This destination is not there any more. Load the page again."),
        "error.url_refused": _("Use a public https address, without a user name in it."),
        "error.url_unknown": _("This host is not known. Check the address."),
        "error.chat_malformed": _("A chat id is a number. Leave it empty to connect by link."),
        "error.time_zone_unknown": _("There is no such time zone. Choose one of the list."),
        "error.not_linked": _("First connect the chat: open the link of the destination."),
    }
