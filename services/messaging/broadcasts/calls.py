"""The call that a person of a broadcast's ledger is due."""

from __future__ import annotations

from models import Broadcast, BroadcastKind
from plugins.flows.parts import Message
from services.core.encryption import Vault
from services.messaging.broadcasts.contents import step_in
from services.messaging.broadcasts.ledger import Claimed
from services.messaging.broadcasts.outbox_link import Offer
from services.messaging.broadcasts.rendering import Renderer, deleting


class Calls:
    """Those of one broadcast, whatever its kind."""

    def __init__(self, vault: Vault, broadcast: Broadcast) -> None:
        self._kind = broadcast.kind
        self._per_second = broadcast.per_second
        self._messages = [
            None if step_in(each) is not None else Message.model_validate(each["message"])
            for each in broadcast.variants
        ]
        series = broadcast.parent_id or broadcast.id
        self._renderer = Renderer(vault, series, has_opt_out=broadcast.has_opt_out)

    def of(self, claimed: Claimed) -> Offer:
        """The call of one person."""
        reader = claimed.reader
        if self._kind == BroadcastKind.DELETE:
            method, params = deleting(reader, claimed.message_id or 0)
        else:
            message = self._messages[min(claimed.variant, len(self._messages) - 1)]
            if message is None:
                raise RuntimeError("people are put at a step of a flow by its timer, not by a call")
            if self._kind == BroadcastKind.EDIT:
                method, params = self._renderer.editing(message, reader, claimed.message_id or 0)
            else:
                method, params = self._renderer.sending(message, reader)
        return Offer(reader.bot_id, reader.telegram_id, method, params, self._per_second)
