"""What a broadcast must be to be saved, beyond the form of its fields."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pydantic import ValidationError

from models import Broadcast
from plugins.flows.parts import ButtonKind, Message
from plugins.texts import SAVING
from services.alerts.notifications.fields import Quiet, checked_quiet
from services.core.errors import InvalidInput
from services.core.i18n import Text
from services.core.url_safety import check_link
from services.core.validation_texts import reason_of
from services.messaging.broadcasts.contents import step_in

FREE_PER_SECOND: Final = 30  # Telegram's limit for what is not paid for
OFFERED: Final = (ButtonKind.URL, ButtonKind.WEB_APP)


def check(broadcast: Broadcast) -> None:
    """Raise InvalidInput for what can't be sent as it stands."""
    percents = [int(each["percent"]) for each in broadcast.variants]
    if sum(percents) != 100:
        raise InvalidInput(
            Text("The percentages sum up to {total}, not to 100", total=sum(percents)),
            code="percent_not_100",
            field="variants",
        )
    messages = [
        checked_message(each["message"], f"variants.{at}")
        for at, each in enumerate(broadcast.variants)
        if step_in(each) is None
    ]
    check_paid(broadcast, messages)
    if broadcast.quiet_from or broadcast.quiet_until:
        checked_quiet(Quiet(broadcast.quiet_from, broadcast.quiet_until, broadcast.time_zone or "UTC"))


def check_paid(broadcast: Broadcast, messages: Iterable[Message]) -> None:
    """Raise InvalidInput `broadcast_unpaid` for a rate beyond the free one, unless all of the messages are paid for."""
    if broadcast.per_second > FREE_PER_SECOND and not all(each.allow_paid_broadcast for each in messages):
        raise InvalidInput(
            "More than 30 messages a second cost Stars: switch on paid broadcasts, or lower the rate",
            code="broadcast_unpaid",
            field="per_second",
        )


def checked_message(stored: object, field: str) -> Message:
    """The message, if Telegram would take it and each button works in a broadcast. Raises InvalidInput."""
    try:
        message = Message.model_validate(stored, context={SAVING: True})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join([field, "message", *(str(part) for part in first["loc"])])
        raise InvalidInput(reason_of(first), code=str(first["type"]), field=where) from None
    for button in (each for row in message.buttons for each in row):
        if button.kind not in OFFERED:
            raise InvalidInput(
                "A button of a broadcast opens an address or a web app",
                code="broadcast_button",
                field=f"{field}.message.buttons",
            )
        check_link(button.url)
    return message
