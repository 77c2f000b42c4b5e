"""A flow tried out before it is published: a chat in memory whose clock can be moved, played by the product's own engine.

Nothing is kept between two plays: whoever asks says the whole script again. Telegram is played, other APIs are away, files
are not fetched, and nothing is written or sent.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from plugins.flow import FlowPlugin
from plugins.flows.document import FlowDocument
from services.core.errors import InvalidInput
from services.core.i18n import Text
from services.fleet.flows.checks.checking import check, errors, known_of
from services.fleet.flows.documents import published
from services.fleet.flows.drafts import check_size
from services.fleet.flows.users import jumps
from services.fleet.text_preview import SAMPLE, blocks_of
from services.messaging.plugin_kit.chat import Chat
from services.messaging.plugin_kit.chat_play import Away, ChatMessageView, shown_message
from services.messaging.plugin_kit.played_bot import PlayTooLong
from services.messaging.plugin_kit.played_telegram import ShownMessage, TelegramRefuses
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform

MOST_STEPS: Final = 100
PLAY_SECONDS: Final = 5.0  # for a whole script; one of 100 taps takes about half of one
MOST_MESSAGES: Final = 500  # of the bot, in a whole play: more than anybody reads
PLAYED: Final = (
    ""  # the key of the flow that is tried out, while it is played: none that an account's flow can have
)
UNPLAYABLE: Final = ("flow_start_missing", "flow_loop")
START: Final = "/start"
MEDIA: Final = ("photo", "video", "animation", "audio", "voice", "video_note", "document")


@dataclass(frozen=True)
class ScriptStep:
    """What the person does: writes `text`, taps the button at `place` below the message `message_id` (pays it, if it is an
    invoice), or waits `seconds`."""

    text: str = ""
    message_id: int = 0
    place: int = 0
    seconds: int = 0


class BubbleView(ChatMessageView):
    """A message of the chat. `kind` is text, invoice, or that of its file; `media` the file's number in the media library or
    its address, null for none."""

    kind: str
    media: int | str | None


class TimerView(TypedDict):
    """What will go off by itself, and in how many seconds."""

    key: str
    seconds: float


class FlowPlayView(TypedDict):
    """How the chat stands. `notice` is what the last tap was answered with; `refusal` is Telegram's word against a message, which
    ended the play. `step` and `status` (waiting, paused, ended) say where the person stands, null before the start;
    `visited` are the steps so far, `seconds` how far the clock was moved."""

    messages: list[BubbleView]
    notice: str
    refusal: str
    step: str | None
    status: str | None
    variables: dict[str, str]
    tags: list[str]
    goals: list[str]
    visited: list[str]
    timers: list[TimerView]
    seconds: int


def simulate(
    platform: Platform,
    caller: Principal,
    document: Mapping[str, Any],
    script: Sequence[ScriptStep],
    *,
    language: str = "pt",
    from_step: str | None = None,
) -> FlowPlayView:
    """How a chat stands after `/start` and then the script, in a flow that is saved or not; jumps lead into the caller's
    published flows. With `from_step` it begins at that step.

    Raises InvalidInput `flow_too_large`, `flow_incomplete` for what cannot be played, `play_too_long` for a script without an end in sight.
    """
    check_size(document)
    with platform.database.reading() as session:
        found = errors(check(document, known_of(session, platform.settings, caller.account_id, document)))
        flow = _playable(document, found, from_step)
        others = _reachable(session, caller.account_id, flow)
    play = _FlowPlay(flow, others, language)
    play.run([ScriptStep(text=START), *script])
    return play.view()


class _FlowPlay:
    """One chat, as far as it has come."""

    def __init__(self, flow: FlowDocument, others: Mapping[str, FlowDocument], language: str) -> None:
        self._chat = Chat(
            FlowPlugin,
            {"flow": PLAYED},
            language=language,
            first_name=str(SAMPLE["first_name"]),
            username=str(SAMPLE["username"]),
        )
        self._chat.http.answers = Away()
        for key, document in {**others, PLAYED: flow}.items():
            self._chat.store.publish_flow(key, document)
        self._own: list[BubbleView] = []
        self._refusal, self._seconds = "", 0

    def run(self, script: Sequence[ScriptStep], seconds: float = PLAY_SECONDS) -> None:
        """Play all steps, or those before a message that Telegram would refuse, for so many seconds at most."""
        self._chat.bound(seconds, MOST_MESSAGES)
        try:
            for step in script:
                time.sleep(0)  # the process may serve clicks as well
                self._take(step)
        except TelegramRefuses as refused:
            self._refusal = refused.description
        except (
            PlayTooLong,
            AssertionError,
        ) as endless:  # the second is of the kit: timers that set each other
            raise _too_long() from endless

    def _take(self, step: ScriptStep) -> None:
        chat = self._chat
        chat.telegram.notices.clear()
        if step.seconds:
            self._seconds += step.seconds
            chat.wait(seconds=step.seconds)
        elif step.message_id:
            invoice = next((each for each in chat.messages if _is_invoice(each, step.message_id)), None)
            if invoice is None:
                chat.tap_place(step.message_id, step.place)
            else:
                chat.send(successful_payment=_payment(invoice))
        else:
            number, blocks = chat.telegram.next_id(), blocks_of(step.text, None)
            own: BubbleView = {
                "message_id": number,
                "is_own": True,
                "blocks": blocks,
                "rows": [],
                "kind": "text",
                "media": None,
            }
            self._own.append(own)
            chat.send(step.text)

    def view(self) -> FlowPlayView:
        """How the chat stands."""
        chat = self._chat
        run, lead = chat.store.flow_run(chat.id), chat.store.lead(chat.id)
        bubbles = [*self._own, *(_bubble(message) for message in chat.messages)]
        return {
            "messages": sorted(bubbles, key=lambda each: each["message_id"]),
            "notice": chat.notice,
            "refusal": self._refusal,
            "step": None if run is None else run.step,
            "status": None if run is None else str(run.status),
            "variables": {} if run is None else dict(run.variables),
            "tags": [] if lead is None else list(lead.tags),
            "goals": [] if run is None else sorted(run.goals),
            "visited": [step for person, step in chat.store.visits if person == chat.id],
            "timers": [{"key": key, "seconds": seconds} for key, seconds in chat.timers.items()],
            "seconds": self._seconds,
        }


def _playable(document: Mapping[str, Any], found: Sequence[Any], from_step: str | None) -> FlowDocument:
    wrong = next((each for each in found if each.code in UNPLAYABLE), None)
    if wrong is None:
        try:
            flow = FlowDocument.model_validate(dict(document))
        except ValueError:
            wrong = found[0]
    if wrong is not None:
        raise InvalidInput(
            Text("This cannot be played yet: {reason}", reason=wrong.text),
            code="flow_incomplete",
            field=".".join(map(str, wrong.place)) or None,
        )
    if from_step is not None and flow.step(from_step) is None:
        raise InvalidInput(
            Text("There is no step {step}", step=from_step), code="flow_step_missing", field="from_step"
        )
    return flow if from_step is None else flow.model_copy(update={"start": from_step})


def _reachable(session: Session, account_id: int, document: FlowDocument) -> dict[str, FlowDocument]:
    """The account's flows into which jumps lead from here, as bots play them now."""
    found: dict[str, FlowDocument] = {}
    keys = list(jumps(document))
    while keys:
        key = keys.pop()
        other = None if key in found else published(session, account_id, key)
        if other is not None:
            found[key] = other.document
            keys += jumps(other.document)
    return found


def _bubble(message: ShownMessage) -> BubbleView:
    shown = shown_message(message)
    kind = next((name for name in MEDIA if name in message.params), "text")
    if message.method == "sendInvoice":
        (price,) = message.params["prices"]
        pay = f"⭐️ {price['amount']}"
        blocks = blocks_of(str(message.params["title"]), None)
        shown = {**shown, "blocks": blocks, "rows": [[{"text": pay, "place": 0, "url": ""}]]}
        return {**shown, "kind": "invoice", "media": None}
    media = message.params.get(kind)
    number = media.get("media_id") if isinstance(media, dict) else media
    if kind != "text" and not message.text:
        shown = {**shown, "blocks": []}
    return {**shown, "kind": kind, "media": None if kind == "text" else number}


def _is_invoice(message: ShownMessage, number: int) -> bool:
    return message.message_id == number and message.method == "sendInvoice"


def _payment(invoice: ShownMessage) -> dict[str, Any]:
    params = invoice.params
    return {
        "currency": params["currency"],
        "total_amount": sum(price["amount"] for price in params["prices"]),
        "invoice_payload": params["payload"],
        "telegram_payment_charge_id": "played",
        "provider_payment_charge_id": "played",
    }


def _too_long() -> InvalidInput:
    return InvalidInput(
        "This goes on for too long to be played: shorten the waits, or begin at a later step",
        code="play_too_long",
        field="script",
    )
