"""Where in a payment provider's JSON what stands, and what a body comes to. Pure."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from plugins.goals import GoalError, GoalWish, goal_wish
from services.core.i18n import Text
from services.core.identifiers import parsed_id
from services.core.storable import storable
from services.core.validation_texts import refusal

Path = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9_-]{1,60}(\.[A-Za-z0-9_-]{1,60}){0,9})?$")]
Name = Annotated[str, StringConstraints(pattern=r"^([a-z][a-z0-9_]{0,29})?$")]
LONGEST_EVENT: Final = 90  # the webhook's number stands before it
CENTS: Final = 100


class Mapping(BaseModel):
    """Paths such as `data.metadata.click_id`, numbers for places in lists. Who it was says one of the first two."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    person: Path = Field("", description="Telegram id")
    click: Path = Field("", description="click id, or the start payload that holds it")
    event_id: Path = Field(description="the provider's own id of what happened: noted once")
    goal: Name = Field("purchase", description="which goal it is; empty: what stands at goal_path")
    goal_path: Path = ""
    value: Path = ""
    currency: Path = Field("", description="empty: `fixed_currency`")
    fixed_currency: Annotated[str, StringConstraints(pattern=r"^([A-Z]{3})?$")] = ""
    is_in_cents: bool = Field(False, description="the value is in hundredths, as many providers write it")
    only_field: Path = Field("", description="only when what stands here is `only_value`")
    only_value: str = Field("", max_length=200)
    refund_value: str = Field("", max_length=200, description="at `only_field` too: what makes it a refund")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not (self.person or self.click):
            raise refusal("mapping_person")
        if not self.event_id:
            raise refusal("mapping_event")
        if not (self.goal or self.goal_path):
            raise refusal("mapping_goal")
        if self.value and not (self.currency or self.fixed_currency):
            raise refusal("mapping_currency")
        if bool(self.only_field) != bool(self.only_value):
            raise refusal("mapping_only")
        return self


class Unfit(Exception):
    """A body that the mapping makes nothing of. `text` says why."""

    def __init__(self, text: Text) -> None:
        super().__init__(text)
        self.text = text


class Found(BaseModel):
    """What a body says. `telegram_id` or `click` names the person."""

    event_id: str
    goal: str
    amount_micros: int | None
    currency: str
    telegram_id: int | None
    click: str
    takes_back: str = ""  # of a refund: the event id of its payment


def read_body(mapping: Mapping, body: Any) -> Found | None:
    """What a body comes to; None where its condition is not met. Raises Unfit."""
    state = _text(body, mapping.only_field)
    is_refund = bool(mapping.refund_value) and state == mapping.refund_value
    if mapping.only_field and state != mapping.only_value and not is_refund:
        return None
    event_id = _fitting(_text(body, mapping.event_id))
    if not event_id:
        raise Unfit(Text("Nothing stands at {path}", path=mapping.event_id))
    wish = _wish(mapping, body)
    micros = wish.amount_micros
    person, click = _text(body, mapping.person), _text(body, mapping.click)
    telegram_id = parsed_id(person) if person else None
    if telegram_id is None and not click:
        raise Unfit(Text("Neither a Telegram id nor a click stands where they should"))
    return Found(
        event_id=f"{event_id}:refund" if is_refund else event_id,
        takes_back=event_id if is_refund else "",
        goal=wish.goal,
        amount_micros=-abs(micros) if micros is not None and is_refund else micros,
        currency=wish.currency,
        telegram_id=telegram_id,
        click=click,
    )


def _fitting(event_id: str) -> str:
    """An id that fits, and is another one for every id of the provider's."""
    return event_id if len(event_id) <= LONGEST_EVENT else hashlib.sha256(event_id.encode()).hexdigest()


def _wish(mapping: Mapping, body: Any) -> GoalWish:
    goal = mapping.goal or _text(body, mapping.goal_path)
    value = _text(body, mapping.value)
    currency = (_text(body, mapping.currency) or mapping.fixed_currency).upper()
    try:
        if value and mapping.is_in_cents:
            value = str(Decimal(value) / CENTS)
        return goal_wish(goal, value or None, currency if value else None)
    except ArithmeticError:
        raise Unfit(Text("The value at {path} is no number", path=mapping.value)) from None
    except GoalError as error:
        raise Unfit(Text("The goal cannot be read: {reason}", reason=str(error))) from None


def _text(body: Any, path: str) -> str:
    """What stands at `path` as a text; "" for nothing, and for what is no single value."""
    found = body
    for part in path.split(".") if path else ():
        if isinstance(found, dict):
            found = found.get(part)
        elif isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            return ""
    if not path or not isinstance(found, str | int | float):
        return ""
    return str(found).lower() if isinstance(found, bool) else storable(str(found)).strip()
