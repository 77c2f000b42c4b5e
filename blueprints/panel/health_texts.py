"""What the pool's page says about layers and verdicts, in words for who has never read the manual."""

from __future__ import annotations

from flask_babel import gettext as _

from blueprints.panel.plurals import ScriptText, counted
from services.fleet.health.conversion import FEWEST_CLICKS


def health_texts() -> dict[str, ScriptText]:
    """Everything below, by key."""
    return {**_layers(), **_delivery(), **_why(), **_conversion()}


def _layers() -> dict[str, ScriptText]:
    return {
        "layer.identity": _("Identity"),
        "layer.delivery": _("Delivery"),
        "layer.conversion": _("Conversion"),
        "layer.state.online": _("OK"),
        "layer.state.ok": _("OK"),
        "layer.state.failing": _("Failing"),
        "layer.state.unknown": _("Not known yet"),
        "layer.state.off": _("Switched off"),
        "layer.state.trial": _("On trial"),
        "layer.checked": _("token checked {ago}"),
        "layer.pending": counted("{count} update waiting at Telegram", "{count} updates waiting at Telegram"),
        "layer.arriving": _("updates arrive"),
        "layer.follows": _("follows from the identity"),
        "layer.unseen": _("nobody has looked lately"),
        "layer.stopped": _("the bot is stopped"),
        "layer.rate": _("{rate} of clicks start the bot, usually {baseline}"),
        "layer.usual": _("usually {baseline} of clicks start the bot"),
        "layer.learning": _("{count} of %(needed)s matured clicks", needed=FEWEST_CLICKS),
        "layer.rare": _("too few starts to judge"),
        "layer.run": _("{run} clicks in a row without a start, limit {limit}"),
        "layer.half": _("under half of the usual {baseline}"),
        "layer.waiting": _("its trickle of clicks is being judged"),
    }


def _delivery() -> dict[str, str]:
    """The causes of services/fleet/health/delivery.py, and those that only the timeline names."""
    return {
        "cause.delivery": _("Its messages do not reach us"),
        "cause.webhook_not_set": _("No webhook is set at Telegram"),
        "cause.webhook_failing": _("Telegram can't deliver to the webhook"),
        "cause.webhook_stolen": _("Another address took the webhook"),
        "cause.token_rejected": _("Telegram rejects the token"),
        "cause.polled_elsewhere": _("Another program uses the token and gets its messages"),
        "cause.polling_failed": _("Telegram refuses to hand its messages out"),
        "cause.poller_silent": _("The poller does not run"),
        "cause.worker_backlog": _("The workers are behind"),
        "cause.public_address": _("Most webhooks fail: check the public address"),
        "cause.conversion_recovered": _("Clicks become starts again"),
        "cause.delivery_recovered": _("Messages arrive again"),
        "cause.first_check": _("First good check"),
    }


def _why() -> dict[str, str]:
    """What a state means for visitors, and how it ends."""
    return {
        "why.online": _("All is well: it gets its share of visitors."),
        "why.checking": _("It has not been checked yet. It gets visitors after its first good check."),
        "why.degraded.identity": _(
            "One check failed. It gets visitors only while nobody is online, and is checked again within seconds: a good check brings it back, a second failure takes it out."
        ),
        "why.offline": _(
            "Two checks failed, so it gets no visitors. After the hold, two good checks bring it back, slowly at first."
        ),
        "why.banned": _(
            "Telegram rejected it three times in a row. It is probed every ten minutes and never returns by itself: you let it back in."
        ),
        "why.degraded.delivery": _(
            "Messages sent to it do not reach us, so it could not answer. It gets visitors only while nobody is online, and returns when messages arrive."
        ),
        "why.shared.delivery": _(
            "This concerns all bots and is not this one's fault: none leaves the rotation for it."
        ),
        "why.suspect": _(
            "Telegram says the bot is fine, but {run} clicks in a row came without a start; by chance that hardly happens above {limit}. It keeps a trickle of visitors, and three starts clear it."
        ),
        "why.trial": _(
            "It was taken out because too few clicks became starts. Now it is on trial: it gets a trickle of visitors, and these decide. If they start as usual it returns, if not it is out again for twice as long."
        ),
        "why.degraded.conversion": _(
            "For a sustained time under half of the usual share of clicks became starts. It gets visitors only while nobody is online; after a hold of at least ten minutes it goes on trial."
        ),
        "why.conversion_alarm": _(
            "Starts fell for all bots at once since {time}. That points to the traffic or the offer rather than to a bot, so none is taken out for it."
        ),
    }


def _conversion() -> dict[str, ScriptText]:
    return {
        "conversion.run": _("{run} of {limit}"),
        "conversion.recent": counted("{starts} of {count} click", "{starts} of {count} clicks"),
        "conversion.lag": _("{seconds} s"),
        "conversion.needed": str(FEWEST_CLICKS),
    }
