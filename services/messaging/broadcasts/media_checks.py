"""Whether the bots of a broadcast can send the files of the media library that its messages name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Bot, Broadcast
from plugins.flows.parts import Message
from services.core.errors import InvalidInput
from services.core.settings import Settings
from services.fleet.flows.users import plays_flows
from services.fleet.media.checking import known_media, problem_with
from services.messaging.broadcasts.contents import has_step, step_in
from services.messaging.broadcasts.step_checks import messages_of_step


def check_media(session: Session, settings: Settings, broadcast: Broadcast) -> None:
    """Raise InvalidInput `broadcast_media_…`: a file that is not the account's, that Telegram takes as no such message, or
    whose content is gone, with the bots that cannot send it.
    """
    messages = list(_messages(session, broadcast))
    numbers = {number for number, _, _ in messages}
    if not numbers:
        return
    chosen: dict[str, Any] = broadcast.audience or {}
    bots = select(Bot).where(Bot.account_id == broadcast.account_id)
    if chosen.get("bots"):
        bots = bots.where(Bot.id.in_(chosen["bots"]))
    if has_step(broadcast):
        bots = bots.where(plays_flows())
    known = known_media(session, settings, broadcast.account_id, numbers, session.scalars(bots).all())
    for number, kind, field in messages:
        wrong = problem_with(number, known.get(number), kind)
        if wrong is not None:
            raise InvalidInput(wrong.text, code=f"broadcast_{wrong.code}", field=field)


def _messages(session: Session, broadcast: Broadcast) -> Iterator[tuple[int, str, str]]:
    """Number of the file, kind of the message, and where it was named, of each message with a file."""
    for at, variant in enumerate(broadcast.variants):
        step, field = step_in(variant), f"variants.{at}.message.media"
        if step is None:
            said = [Message.model_validate(variant["message"])]
        else:
            field = f"variants.{at}.step"
            said = [*messages_of_step(session, broadcast.account_id, step, field)]
        for message in said:
            if isinstance(message.media, int):
                yield message.media, message.kind, field
