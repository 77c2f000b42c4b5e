"""A tap on the button below a broadcast: from now on the person gets no more of them, of any bot of the account."""

from __future__ import annotations

from plugins.context import Context
from plugins.database import OPTED_OUT
from services.core.i18n import Text, translate
from services.core.metrics import UPDATES
from services.messaging.plugin_runtime.lead_tags import change_tags
from services.platform.platform import Platform


def opt_out(platform: Platform, ctx: Context) -> None:
    """Tag the person and say so. Answered here, so that it works for bots of every kind. Raises Unavailable, StoreError."""
    with platform.database.transaction() as session:
        change_tags(session, [(ctx.bot.id, ctx.lead.telegram_id, OPTED_OUT, True)])
    UPDATES.labels("opted_out").inc()
    ctx.answer(
        translate(Text("Done: you get no more of these messages."), ctx.lead.language), show_alert=True
    )
