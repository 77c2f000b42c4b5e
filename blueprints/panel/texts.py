"""Texts that the panel's scripts show, in the reader's language. The keys are the scripts' words."""

from __future__ import annotations

from flask_babel import gettext as _


def script_texts() -> dict[str, str]:
    """Everything static/js may say, by key; {names} in a text are filled in by the script."""
    return {**_general(), **_states(), **_errors(), **_panel()}


def _general() -> dict[str, str]:
    return {
        "copied": _("Copied"),
        "copy_failed": _("The browser did not allow copying. Select the text and copy it by hand."),
        "theme.auto": _("Theme: as the system. Switch to light"),
        "theme.light": _("Theme: light. Switch to dark"),
        "theme.dark": _("Theme: dark. Switch to the system's"),
        "live.live": _("Live"),
        "live.wait": _("Connecting…"),
        "live.lost": _("Connection lost: numbers from {time}"),
        "away.redis": _(
            "Redis does not answer: links keep redirecting from memory and clicks are kept on disk, but bots do not reply until it is back."
        ),
        "away.database": _(
            "The database does not answer: links keep redirecting, but nothing can be changed until it is back."
        ),
        "away.connection": _(
            "This page can't reach the server. What you see may be out of date; it goes on by itself."
        ),
        "away.clock": _("The clock process is not running: the bots' health is not being checked."),
        "away.worker": _("The worker process is not running: updates and messages wait."),
    }


def _states() -> dict[str, str]:
    return {
        "status.online": _("Online"),
        "status.degraded": _("Degraded"),
        "status.suspect": _("Suspect"),
        "status.offline": _("Offline"),
        "status.banned": _("Banned"),
        "status.checking": _("Checking"),
        "status.draining": _("Draining"),
        "status.disabled": _("Disabled"),
        "bot.created": _("Starting"),
        "bot.running": _("Running"),
        "bot.stopped": _("Stopped"),
        "bot.failed": _("Failed"),
        "strategy.round_robin": _("Round robin"),
        "strategy.least_connections": _("Least connections"),
        "strategy.random": _("Random"),
        "strategy.weighted": _("Weighted"),
        "priority.1": _("Preferred"),
        "priority.0": _("Normal"),
        "priority.-1": _("Backup"),
        "mode.webhook": _("Webhook"),
        "mode.polling": _("Polling"),
    }


def _errors() -> dict[str, str]:
    return {
        "error.network": _("The server can't be reached. Check your connection and try again."),
        "error.server": _("Something went wrong on the server. Try again in a moment."),
        "error.unknown": _("The server refused this. Load the page again and repeat."),
        "error.csrf": _("This page is out of date. Load it again and repeat."),
        "error.unauthenticated": _("You were signed out. Sign in again."),
    }


def _panel() -> dict[str, str]:
    return {}
