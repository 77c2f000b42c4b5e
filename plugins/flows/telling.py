"""What a flow wants done, in the words of a handler's context: messages with their buttons, invoices, timers, tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import quote

from plugins.context import Context
from plugins.database import PluginDatabase, StoreError, with_tag
from plugins.effects import Priority
from plugins.files import LIBRARY_FILE
from plugins.flows.document import FlowDocument
from plugins.flows.parts import Button, ButtonKind, CallApi, Message, MessageKind
from plugins.flows.run import (
    START_PARAM,
    Armed,
    Billed,
    Disarmed,
    Effect,
    FlowInForce,
    HandedOver,
    Notice,
    Place,
    Reached,
    Said,
    Tagged,
)
from plugins.http import HttpError, value_at
from plugins.markup import HTML
from plugins.texts import LONGEST_LABEL, VARIABLE, filled, is_blank

TAP: Final = "flow"  # the action of buttons, and the beginning of an invoice's payload
STARS: Final = "XTR"  # Telegram's currency code of its Stars
LONGEST_TITLE: Final = 32  # of an invoice
NOTICES: Final = {
    Notice.GONE: {
        "pt": "Esta opção não existe mais. Continue por aqui:",
        "en": "This choice is not there any more. Go on here:",
    },
    Notice.OVER: {"pt": "Esta conversa já terminou.", "en": "This conversation has ended."},
    Notice.WITH_PEOPLE: {
        "pt": "Alguém da nossa equipe vai responder a você aqui.",
        "en": "Somebody of our team will answer you here.",
    },
}


@dataclass(frozen=True)
class ButtonName:
    """What a button carries: flow, version, number of the step in that version's document, and place in the step.

    Numbers, because they fit into a button for ever: nothing of it has to be kept elsewhere.
    """

    flow_id: int
    version: int
    step: int
    place: Place

    def __str__(self) -> str:
        return ".".join(map(str, (self.flow_id, self.version, self.step, *self.place)))

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The name that was written so; None for other texts."""
        parts = text.split(".")
        if len(parts) != 6 or not all(part.isdecimal() for part in parts):
            return None
        flow_id, version, step, *place = map(int, parts)
        return cls(flow_id, version, step, (place[0], place[1], place[2]))


class Teller:
    """Makes the effects of one event come true in one context. Messages that nobody asked for just now are bulk."""

    def __init__(self, ctx: Context, db: PluginDatabase, flow: FlowInForce, priority: Priority) -> None:
        self._ctx, self._db, self._flow, self._priority = ctx, db, flow, priority
        self._tags: tuple[str, ...] | None = None  # of the person, once one was changed

    def tell(self, effects: Iterable[Effect]) -> None:
        """All of them, in order."""
        ctx = self._ctx
        for effect in effects:
            match effect:
                case Said():
                    self._send(effect)
                case Tagged(tag=tag, on=on):
                    self._tag(tag, on)
                case Reached(goal=goal, value=value, currency=currency):
                    ctx.goal(goal, value, currency)
                case Armed(key=key, seconds=seconds, note=note):
                    ctx.set_timer(key, seconds, dict(note))
                case Disarmed(key=key):
                    ctx.cancel_timer(key)
                case Billed():
                    self._bill(effect)
                case HandedOver():
                    self._db.hand_over(ctx.lead.telegram_id)
                    ctx.notify_owner("person_waits", {"person": ctx.lead.first_name})
                case Notice():
                    self._answer(effect)

    def _tag(self, tag: str, on: bool) -> None:
        """Put a tag on the person or take it off; one too many is passed over, for nobody is left standing because of it."""
        person = self._ctx.lead.telegram_id
        if self._tags is None:
            lead = self._db.lead(person)
            self._tags = lead.tags if lead is not None else ()
        try:
            if on:
                self._tags = with_tag(self._tags, tag)  # what a handler wishes for is refused too late for it
                self._db.tag_lead(person, tag)
            else:
                self._tags = tuple(one for one in self._tags if one != tag)
                self._db.untag_lead(person, tag)
        except StoreError as error:
            self._ctx.logger.warning("a tag of a flow is left out: %s", error)

    def _answer(self, notice: Notice) -> None:
        answered = any(call.method == "answerCallbackQuery" for call in self._ctx.effects.calls)
        if self._ctx.kind == "callback_query" and not answered:
            self._ctx.answer(self._ctx.translate(NOTICES[notice]))

    def _send(self, said: Said) -> None:
        ctx, message = self._ctx, said.message
        params: dict[str, Any] = {"parse_mode": HTML, "priority": self._priority}
        if message.allow_paid_broadcast:
            params["allow_paid_broadcast"] = True
        text = ctx.fill(message.text, HTML, said.variables)
        if message.buttons:
            params["reply_markup"] = {"inline_keyboard": self._keyboard(said)}
        if message.kind is MessageKind.TEXT:
            ctx.send(text, **params)
        else:
            ctx.send_media(message.kind, _media(message), text, **params)

    def _keyboard(self, said: Said) -> list[list[dict[str, Any]]]:
        step = number_of(self._flow.document, said.step)
        return [
            [
                self._button(button, said, ButtonName(self._flow.flow_id, said.version, step, place))
                for place, button in (((said.number, row, n), each) for n, each in enumerate(buttons))
            ]
            for row, buttons in enumerate(said.message.buttons)
        ]

    def _button(self, button: Button, said: Said, name: ButtonName) -> dict[str, Any]:
        label = self._label(button.text, said.variables)
        if button.kind in (ButtonKind.URL, ButtonKind.WEB_APP):
            url = _address(button.url, _values(self._ctx, said.variables))
            return (
                {"text": label, "url": url}
                if button.kind is ButtonKind.URL
                else {"text": label, "web_app": {"url": url}}
            )
        return self._ctx.button(label, TAP, str(name))

    def _label(self, text: str, variables: Mapping[str, str]) -> str:
        """A button's text with its variables; as it is written where they are all empty, since Telegram takes no empty one."""
        label = self._ctx.fill(text, None, variables)[:LONGEST_LABEL]
        return text if is_blank(label) else label

    def _bill(self, bill: Billed) -> None:
        document = self._db.flow_version(self._flow.flow_id, bill.version)
        step = number_of(document or self._flow.document, bill.step)
        name = ButtonName(self._flow.flow_id, bill.version, step, bill.place)
        label = self._label(bill.label, bill.variables)
        self._ctx.api(
            "sendInvoice",
            **self._ctx.address.to_send(),
            title=label[:LONGEST_TITLE],
            description=label,
            payload=f"{TAP}:{name}",
            currency=STARS,
            prices=[{"label": label, "amount": bill.stars}],
        )


def number_of(document: FlowDocument, key: str) -> int:
    """The number of a step in its document."""
    return next(
        (number for number, step in enumerate(document.steps) if step.key == key), len(document.steps)
    )


def asked(ctx: Context, call: CallApi, variables: Mapping[str, str]) -> Mapping[str, str] | None:
    """What an API says that a step asks, as variables; None when it does not answer."""
    values = _values(ctx, variables)
    body = {name: filled(value, values, None) for name, value in call.body.items()}
    try:
        address = _address(call.url, values)
        answer = ctx.http.request(call.method, address, body=body if call.method == "POST" else None)
        found = answer.json() if call.save else None
    except HttpError as error:
        ctx.logger.warning("the API that a step of a flow asks failed: %s", error)
        return None
    values_at = {name: value_at(found, path) for name, path in call.save.items()}
    return {name: "" if value is None else str(value) for name, value in values_at.items()}


def _values(ctx: Context, variables: Mapping[str, str]) -> dict[str, str]:
    """What addresses and APIs may be told of a person."""
    known = {"id": str(ctx.lead.telegram_id), "language": ctx.lead.language, START_PARAM: ctx.start_param}
    return {**known, **variables}


def _address(template: str, values: Mapping[str, str]) -> str:
    """An address with variables filled in, percent-encoded; others stay as they are."""
    return VARIABLE.sub(
        lambda found: quote(values[found[1]], safe="") if found[1] in values else found[0], template
    )


def _media(message: Message) -> Any:
    return {LIBRARY_FILE: message.media} if isinstance(message.media, int) else message.media
