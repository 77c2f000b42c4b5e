"""What the scripts of postbacks and of payment providers' webhooks say."""

from __future__ import annotations

from flask_babel import gettext as _


def postback_texts() -> dict[str, str]:
    """By the scripts' keys."""
    return {
        "postback.driver.url": _("Address with macros"),
        "postback.driver.webhook": _("Signed webhook"),
        "postback.driver.meta": _("Meta Conversions API"),
        "postback.driver.tiktok": _("TikTok Events API"),
        "postback.driver.google": _("Google offline conversions (file)"),
        "postback.event.click": _("Clicks"),
        "postback.event.start": _("Starts"),
        "postback.event.goal": _("Goals"),
        "postback.state.pending": _("On its way"),
        "postback.state.sent": _("Delivered"),
        "postback.repeated": _("On their way again: {count}"),
        "postback.again": _("again at {when}"),
        "postback.state.failed": _("Not delivered"),
        "postback.state.skipped": _("Not sent"),
        "postback.on": _("Active"),
        "postback.off": _("Switched off"),
        "postback.fails": _("Fails"),
        "postback.last_sent": _("Last sent {when}"),
        "postback.tested": _("The receiver took it and answered {status}."),
        "postback.test_failed": _("The test was not taken: {reason}"),
        "postback.deleted": _("The postback was deleted."),
        "delete_postback.title": _("Delete {name}?"),
        "delete_postback.text": _(
            "Nothing more is told there, and what is on its way is dropped. Goals stay."
        ),
        "delete_postback.action": _("Delete postback"),
        "webhook.deleted": _("The webhook was deleted."),
        "webhook.last_call": _("Last call {when}"),
        "webhook.refused": _("A call with a wrong signature was refused {when}: compare secret and header."),
        "delete_webhook.title": _("Delete {name}?"),
        "delete_webhook.text": _(
            "Calls of this provider are refused from then on. Goals that it brought stay."
        ),
        "delete_webhook.action": _("Delete webhook"),
        "call.recorded": _("Goal noted"),
        "call.duplicate": _("Known already"),
        "call.skipped": _("Left out"),
        "call.failed": _("Not understood"),
        "error.postback_not_found": _("This postback is not there any more. Load the page again."),
        "error.payment_webhook_not_found": _("This webhook is not there any more. Load the page again."),
        "error.test_code_needed": _(
            "Enter the network's test code first: without it the test would count as a real event."
        ),
        "error.secret_needed": _("This network needs an access token."),
    }
