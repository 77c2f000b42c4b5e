"""Texts that the panel's scripts show, in the reader's language. The keys are the scripts' words."""

from __future__ import annotations

from flask_babel import gettext as _

from blueprints.panel.account_analytics import account_analytics_texts
from blueprints.panel.analytics import analytics_texts
from blueprints.panel.backups import backup_texts
from blueprints.panel.bot_tabs import bot_tab_texts
from blueprints.panel.bots import bot_users_texts, bots_texts
from blueprints.panel.broadcasts import broadcast_texts
from blueprints.panel.dead_letters import dead_letter_texts
from blueprints.panel.destinations import destination_texts
from blueprints.panel.experiments import experiment_texts
from blueprints.panel.flow_texts import flow_texts
from blueprints.panel.health_texts import health_texts
from blueprints.panel.inbox import inbox_texts
from blueprints.panel.managed_bots import managed_bot_texts
from blueprints.panel.media import media_texts
from blueprints.panel.people_list import people_texts
from blueprints.panel.plugin_files import plugin_file_texts
from blueprints.panel.plurals import ScriptText, counted
from blueprints.panel.pool_behaviour import pool_behaviour_texts
from blueprints.panel.postback_texts import postback_texts
from blueprints.panel.queues import queue_texts
from blueprints.panel.returns import returns_texts
from blueprints.panel.waves import wave_texts
from blueprints.panel.workers import worker_texts


def script_texts() -> dict[str, ScriptText]:
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
        "tab.down": _("({count} down)"),
        "notices.off": _("Notify on this browser"),
        "notices.on": _("Notifies on this browser"),
        "notices.sample": _(
            "So this browser tells of a bot that goes down while a tab of the panel is open."
        ),
        "notices.refused": _(
            "The browser does not allow notifications. Allow them for this page in its settings."
        ),
        "away.database": _(
            "The database does not answer: links keep redirecting, but nothing can be changed until it is back."
        ),
        "away.connection": _(
            "This page can't reach the server. What you see may be out of date; it goes on by itself."
        ),
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
    """By error code what to do on these pages; codes without a sentence here show their detail, which is translated too."""
    return {
        "error.network": _("The server can't be reached. Check your connection and try again."),
        "error.server": _("Something went wrong on the server. Try again in a moment."),
        "error.unknown": _("The server refused this. Load the page again and repeat."),
        "error.csrf": _("This page is out of date. Load it again and repeat."),
        "error.unauthenticated": _("You were signed out. Sign in again."),
        "error.rate_limited": _("Too many requests. Wait {seconds} s and try again."),
        "error.database_unavailable": _(
            "The database does not answer. Nothing was saved; try again shortly."
        ),
        "error.redis_unavailable": _("Redis does not answer. Try again shortly."),
        "error.bot_not_found": _("This bot is not there any more. Load the page again."),
        "error.pool_not_found": _("This pool is not there any more. Load the page again."),
        "error.member_not_found": _("This bot is not in the pool any more. Load the page again."),
        "error.telegram_unreachable": _(
            "Telegram can't be reached from this server. Nothing was saved; try again."
        ),
        "error.telegram_uncertain": _("Telegram did not answer in time. Nothing was saved; try again."),
        "error.telegram_flood": _("Telegram asks for patience. Try again in {seconds} s."),
        "error.telegram_rejected": _("Telegram refused this. Check the token and try again."),
        "error.slug_taken": _("This link is taken. Choose another one."),
        "error.slug_reserved": _("This link is reserved. Choose another one."),
        "error.pool_full": _(
            "The pool has all the bots it may have. Raise the limit in its settings or remove one."
        ),
        "error.pool_too_full": _("The pool has more bots than that. Remove some before lowering the limit."),
        "error.fallback_circle": _("These pools would send visitors in a circle. Choose another pool."),
        "error.fallback_chain_too_long": _("This chain of fallback pools is too long. Choose another pool."),
    }


def _causes() -> dict[str, str]:
    """Why a bot is not well, by the causes that the checks keep."""
    return {
        "cause.unauthorized": _("Telegram rejects the token (401)"),
        "cause.not_found": _("Telegram does not know the token (404)"),
        "cause.frozen": _("Telegram froze the account"),
        "cause.timeout": _("Telegram did not answer in time"),
        "cause.unreachable": _("Telegram can't be reached"),
        "cause.server_error": _("Telegram had an internal error"),
        "cause.garbage": _("The answer was not Telegram's"),
        "cause.recovered": _("recovered"),
        "cause.conversion": _("Few clicks become starts"),
        "cause.allowed": _("Let back in by its owner"),
    }


def _panel() -> dict[str, ScriptText]:
    return {
        **_causes(),
        **_questions(),
        **_done(),
        **_numbers(),
        **analytics_texts(),
        **account_analytics_texts(),
        **bots_texts(),
        **bot_users_texts(),
        **people_texts(),
        **inbox_texts(),
        **destination_texts(),
        **dead_letter_texts(),
        **plugin_file_texts(),
        **bot_tab_texts(),
        **health_texts(),
        **pool_behaviour_texts(),
        **managed_bot_texts(),
        **wave_texts(),
        **experiment_texts(),
        **broadcast_texts(),
        **flow_texts(),
        **media_texts(),
        **worker_texts(),
        **queue_texts(),
        **backup_texts(),
        **postback_texts(),
        **returns_texts(),
    }


def _numbers() -> dict[str, ScriptText]:
    return {
        "n_of_m_online": _("{online}/{total} online"),
        "pool.active": _("Active"),
        "pool.paused": _("Paused"),
        "chart.time": _("Time"),
        "chart.redirects": _("Redirects"),
        "chart.fallback": _("Fallback"),
        "chart.former": _("Former bot"),
        "chart.summary.hour": counted(
            "{count} redirect in the last hour", "{count} redirects in the last hour"
        ),
        "chart.summary.day": counted(
            "{count} redirect in the last 24 hours", "{count} redirects in the last 24 hours"
        ),
        "uptime.hour": _("Uptime, last hour"),
        "uptime.day": _("Uptime, 24 hours"),
        "switch.ends": _("It ends {when}"),
        "switch.over": _("It is over"),
        "sweep_age": _("checked {seconds} s ago"),
        "held": _("next check in {seconds} s"),
        "slow_start": _("starting slowly, now at {percent}%"),
        "banned_hint": _("out of the rotation"),
        "weight": _("weight {weight}"),
        "member.weight": _("Weight"),
        "member.capacity_per_hour": _("Clicks an hour"),
        "member.priority": _("Priority"),
        "member.is_enabled": _("Enabled"),
        "member.draining": _("Drain"),
        "move_up": _("Move {name} up"),
        "move_down": _("Move {name} down"),
        "pool_needs_bot": _("Choose at least one bot: a pool without bots answers nobody."),
        "not_json": _("“{name}” is not valid JSON."),
        "config.item": _("Entry {number}"),
        "config.moved": _("{title} is now in place {number}"),
        "config.up": _("{name} {number}: move up"),
        "config.down": _("{name} {number}: move down"),
        "config.copy": _("{name} {number}: duplicate"),
        "config.remove": _("{name} {number}: remove"),
        "chat.failed": _("The chat ended in {place}: {reason}"),
        "preview.refused": _("Telegram would not show this: {reason}"),
        "text_test.sent": _("Sent to {name}. Look in Telegram."),
        "text_test.own": _("Your chat"),
        "text_test.started": _("pressed Start {when}"),
    }


def _done() -> dict[str, str]:
    return {
        "saved": _("Saved"),
        "bot_added": _("{name} was added and is starting."),
        "bot_not_joined": _("The bot was added, but not to the pool: {reason}"),
        "bot_starting": _("The bot is starting."),
        "bot_stopping": _("The bot is stopping."),
        "bot_restarting": _("The bot is restarting."),
        "bot_deleted": _("The bot was deleted."),
        "behaviour_saved": _("Saved. The bot answers like this from now on."),
        "member_added": _("Added. It gets visitors after its first good check."),
        "member_removed": _("Removed from the pool."),
        "token_replaced": _("The token was replaced. The bot is checked now."),
        "identity_replaced": _("The other bot has taken over. Visitors go to it now."),
        "brought_in": _("The backup gets visitors now, slowly at first."),
        "member_readmitted": _("It is checked now and returns when the check is good."),
        "pool_paused": _("The pool is paused."),
        "pool_resumed": _("The pool is active again."),
    }


def _questions() -> dict[str, str]:
    """Before anything that can't be taken back: what will happen, and the word on the button."""
    return {
        "stop_bot.title": _("Stop {name}?"),
        "stop_bot.text": _(
            "It answers nobody until you start it again, and pools send it no visitors. Telegram keeps messages for 24 hours."
        ),
        "stop_bot.action": _("Stop bot"),
        "delete_bot.title": _("Delete {name}?"),
        "delete_bot.text": _(
            "The bot leaves all pools; its leads, settings and sealed token are deleted for good. Click statistics stay."
        ),
        "delete_bot.action": _("Delete bot"),
        "remove_member.title": _("Remove {bot} from {pool}?"),
        "remove_member.text": _(
            "New visitors go to the other bots at once. The bot, its clicks and its conversations stay."
        ),
        "remove_member.action": _("Remove"),
        "leave_pools.title": _("Remove {name} from its pools?"),
        "leave_pools.text": _(
            "New visitors of these pools go to their other bots at once: {pools}. The bot, its clicks and its conversations stay."
        ),
        "bring_in.title": _("Bring {bot} in?"),
        "bring_in.text": _(
            "It gets the priority “Normal” and its share of the visitors, slowly at first. It stays so until you change it."
        ),
        "bring_in.action": _("Bring in"),
        "readmit.title": _("Let {bot} back in?"),
        "readmit.text": _(
            "It was banned because Telegram rejected it three times. It is checked again and gets visitors if the checks are good."
        ),
        "readmit.action": _("Let back in"),
        "pause_pool.title": _("Pause {pool}?"),
        "pause_pool.text": _(
            "Its link sends visitors to the fallback, or shows an error page if there is none."
        ),
        "pause_pool.action": _("Pause pool"),
        "delete_pool.title": _("Delete {pool}?"),
        "delete_pool.text": _(
            "The link {link} stops working and the pool's click statistics are deleted for good. Its bots stay."
        ),
        "delete_pool.action": _("Delete pool"),
    }
