"""Page of admins: the runbook's switches, and the line about them on every page."""

from __future__ import annotations

from typing import Any, Final

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from blueprints.panel.blueprint import blueprint
from services.core.errors import FlotillaError, InvalidInput
from services.core.i18n import Text
from services.core.identifiers import parsed_id
from services.operations.switch_values import TITLES
from services.operations.switches import NewSwitch, clear_switch, list_switches, set_switch, switch_name
from services.platform.switchboard import ActiveSwitch, SwitchName
from web.access import caller, signed_in
from web.platform import platform

# What each one does, for whoever looks for the right one in a hurry.
EXPLAINED: Final = {
    SwitchName.LIMITS: Text(
        "Everybody may do less in the same time: all limits of people and of links times the factor. Those who are over it are told to wait."
    ),
    SwitchName.COOLDOWN: Text(
        "The same button, and sensitive commands, work again only after so many seconds."
    ),
    SwitchName.MAINTENANCE: Text(
        "No bot handles anything but what its admins send; people get the message, once a minute at most. Payments are declined, paid ones still taken."
    ),
    SwitchName.ALLOW_LIST: Text(
        "Every bot answers these people and its admins alone. What others send is not kept for later."
    ),
    SwitchName.TELEGRAM_NETWORK: Text(
        "Calls of webhooks from other networks get 403 before anything is read. Behind a proxy it needs the right TRUSTED_PROXIES, else it keeps Telegram out too."
    ),
    SwitchName.CAPTCHA: Text("Who sends /start for the first time has to tap the right emoji, at every bot."),
    SwitchName.BULK_PAUSE: Text(
        "Broadcasts and other bulk messages wait in their outboxes, replies go on. When it ends they are sent by themselves."
    ),
}
CHOICES: Final = (15, 60, 360)  # minutes


@blueprint.get("/panel/admin/switches")
@signed_in
def switches() -> str:
    """All switches: what each does, who turned it on and how long it stays."""
    return _page()


@blueprint.post("/panel/admin/switches/<name>")
@signed_in
def set_panel_switch(name: str) -> ResponseReturnValue:
    """Turn one on."""
    try:
        view = set_switch(platform(), caller(), _wanted(switch_name(name)))
    except InvalidInput as error:
        return _page(error=error, failed=name), error.status
    flash(_("%(switch)s: on.", switch=_(str(view["title"]))))
    return redirect(url_for("panel.switches"))


@blueprint.post("/panel/admin/switches/<name>/clear")
@signed_in
def clear_panel_switch(name: str) -> ResponseReturnValue:
    """Turn one off before its time."""
    view = clear_switch(platform(), caller(), name)
    flash(_("%(switch)s: off.", switch=_(str(view["title"]))))
    return redirect(url_for("panel.switches"))


def switches_on() -> list[tuple[Text, ActiveSwitch]]:
    """Title and state of what is on, for the line on every page; out of this process's memory."""
    return [(TITLES[switch.name], switch) for switch in platform().switches.active()]


def _page(error: FlotillaError | None = None, failed: str = "") -> str:
    return render_template(
        "panel/switches.html",
        section="my_account.page",
        views=list_switches(platform(), caller()),
        explained=EXPLAINED,
        choices=CHOICES,
        typed=request.form if error else {},
        failed=failed,
        error=error,
    )


def _wanted(name: SwitchName) -> NewSwitch:
    minutes = parsed_id(request.form.get("minutes", "")) or 0
    return NewSwitch(name, request.form.get("reason", ""), _typed_value(name), minutes)


def _typed_value(name: SwitchName) -> Any:
    """What was typed, as the switch's value; the usual one where nothing was."""
    text = request.form.get("value", "").strip()
    if name is SwitchName.ALLOW_LIST:
        return [_number(part, int) for part in text.replace(",", " ").split()]
    if name in (SwitchName.LIMITS, SwitchName.COOLDOWN) and text:
        return _number(text.replace(",", "."), float)
    return text or None


def _number(text: str, kind: type[int] | type[float]) -> float:
    try:
        return kind(text)
    except ValueError:
        raise InvalidInput("Numbers only, please", field="value") from None
