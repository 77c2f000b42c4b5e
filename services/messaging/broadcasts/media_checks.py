"""Whether the bots of a broadcast can send the files of the media library that its messages name."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Bot, Broadcast
from services.core.errors import InvalidInput
from services.core.settings import Settings
from services.fleet.media.checking import known_media, problem_with
from services.fleet.media.usage import media_in


def check_media(session: Session, settings: Settings, broadcast: Broadcast) -> None:
    """Raise InvalidInput `broadcast_media_…`: a file that is not the account's, that Telegram takes as no such message, or
    whose content is gone, with the bots that cannot send it.
    """
    numbers = set(media_in(broadcast.variants))
    if not numbers:
        return
    chosen: dict[str, Any] = broadcast.audience or {}
    bots = select(Bot).where(Bot.account_id == broadcast.account_id)
    if chosen.get("bots"):
        bots = bots.where(Bot.id.in_(chosen["bots"]))
    known = known_media(session, settings, broadcast.account_id, numbers, session.scalars(bots).all())
    for at, variant in enumerate(broadcast.variants):
        message = variant["message"]
        number = message.get("media")
        if isinstance(number, int):
            wrong = problem_with(number, known.get(number), message["kind"])
            if wrong is not None:
                raise InvalidInput(
                    wrong.text, code=f"broadcast_{wrong.code}", field=f"variants.{at}.message.media"
                )
