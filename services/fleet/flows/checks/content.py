"""What a flow sends and asks: files and addresses, buttons, jumps to other flows, answers that never take a text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final
from urllib.parse import urlsplit

from plugins.flows.document import Step
from plugins.flows.parts import Button, ButtonKind, CallApi, Message, MessageKind, OtherFlow
from plugins.texts import VARIABLE
from services.core.errors import InvalidInput
from services.core.i18n import Text
from services.core.url_safety import check_link, names_public_host, parse_target
from services.fleet.flows.checks.findings import Finding, Place, finding
from services.fleet.flows.checks.texts import MOST_LISTED
from services.fleet.media.checking import KnownMedia, problem_with

MOST_BUTTONS: Final = (
    100  # below one message: https://core.telegram.org/bots/api#inlinekeyboardmarkup refuses more
)
IN_ADDRESSES: Final = ("id", "language", "start_param")  # filled in there by plugins/flows/telling.py
FETCHED_DOCUMENTS: Final = (".gif", ".pdf", ".zip")  # https://core.telegram.org/bots/api#sending-files


@dataclass(frozen=True)
class Known:
    """What the account has: its flows by key, and whether each was published; the files of its media library that the
    flow names, by number.

    `key` is that of the flow itself, empty for one not saved; `behind` has the published flows that it leaves for without
    waiting, and those behind them. `variables` are the flow's own; `test_servers`: addresses on this machine may be asked, which tests alone need.
    """

    flows: Mapping[str, bool] = field(default_factory=dict)
    media: Mapping[int, KnownMedia] = field(default_factory=dict)
    variables: Collection[str] = ()
    test_servers: bool = False
    key: str = ""
    behind: Mapping[str, frozenset[str]] = field(default_factory=dict)


def check_content(step: Step, known: Known) -> Iterator[Finding]:
    """Findings about one step; places are within it."""
    for number, message in enumerate(step.messages):
        yield from _media(message, step, ("messages", number, "media"), known)
        yield from _buttons(message, step, ("messages", number, "buttons"), known)
    for number, action in enumerate(step.actions):
        if isinstance(action, CallApi):
            yield from _asked(action.url, step, ("actions", number, "url"), known)
    if isinstance(step.then, OtherFlow):
        yield from _jump(step.then.flow, step, ("then", "flow"), known)
    if step.after is not None and step.then is None:
        yield finding("flow_after_alone", step.key, ("after",))
    takes_all = [number for number, each in enumerate(step.replies) if each.equals is each.contains is None]
    for number in range(takes_all[0] + 1 if takes_all else len(step.replies), len(step.replies)):
        yield finding("flow_reply_shadowed", step.key, ("replies", number))


def _media(message: Message, step: Step, place: Place, known: Known) -> Iterator[Finding]:
    if isinstance(message.media, int):
        wrong = problem_with(message.media, known.media.get(message.media), str(message.kind))
        if wrong is not None:
            yield finding(f"flow_{wrong.code}", step.key, place, **wrong.values)
    elif message.media:
        yield from _opened(message.media, step, place)
        if message.kind is MessageKind.VIDEO_NOTE:
            yield finding("flow_video_note_address", step.key, place)
        path = urlsplit(message.media).path.lower()
        if message.kind is MessageKind.DOCUMENT and not path.endswith(FETCHED_DOCUMENTS):
            yield finding("flow_document_address", step.key, place)


def _buttons(message: Message, step: Step, place: Place, known: Known) -> Iterator[Finding]:
    count = sum(map(len, message.buttons))
    if count > MOST_BUTTONS:
        yield finding("flow_buttons_too_many", step.key, place, count=count, most=MOST_BUTTONS)
    for row, buttons in enumerate(message.buttons):
        for column, button in enumerate(buttons):
            yield from _button(button, step, (*place, row, column), known)


def _button(button: Button, step: Step, place: Place, known: Known) -> Iterator[Finding]:
    if button.kind is ButtonKind.WEB_APP:
        yield from _asked(button.url, step, (*place, "url"), known)
    elif button.kind is ButtonKind.URL:
        yield from _opened(button.url, step, (*place, "url"))
        yield from _unfilled(button.url, step, (*place, "url"), known)
    elif button.kind is ButtonKind.FLOW and button.flow:
        yield from _jump(button.flow, step, (*place, "flow"), known)


def _jump(key: str, step: Step, place: Place, known: Known) -> Iterator[Finding]:
    if key not in known.flows:
        yield finding("flow_unknown", step.key, place, flow=key)
    elif not known.flows[key]:
        yield finding("flow_unpublished", step.key, place, flow=key)


def _opened(url: str, step: Step, place: Place) -> Iterator[Finding]:
    """An address that a person's Telegram opens, or Telegram itself."""
    yield from _refused(url, step, place, check_link)


def _asked(url: str, step: Step, place: Place, known: Known) -> Iterator[Finding]:
    """An address that must be https, and public: web apps, and what we ask ourselves."""

    def check(filled: str) -> None:
        host, *_ = parse_target(filled, allow_loopback=known.test_servers)
        if not known.test_servers and not names_public_host(host):
            check_link(filled)

    yield from _refused(url, step, place, check)
    yield from _unfilled(url, step, place, known)


def _unfilled(url: str, step: Step, place: Place, known: Known) -> Iterator[Finding]:
    """What would stand in an address as it is written."""
    for found in VARIABLE.finditer(url):
        if found[1] not in IN_ADDRESSES and found[1] not in known.variables:
            names = (*IN_ADDRESSES, *islice(known.variables, MOST_LISTED))
            listed = " ".join(f"{{{name}}}" for name in names)
            yield finding("flow_url_variable_unknown", step.key, place, variable=found[0], known=listed)
            return


def _refused(url: str, step: Step, place: Place, check: Callable[[str], None]) -> Iterator[Finding]:
    """What is against an address with its variables filled in; none of them may choose whom we turn to."""
    try:
        if VARIABLE.search(urlsplit(url).netloc):
            yield finding("flow_url_variable", step.key, place)
            return
        check(VARIABLE.sub("x", url))
    except InvalidInput as error:
        yield finding("flow_url_refused", step.key, place, reason=error.text)
    except ValueError:  # brackets that hold no address
        reason = Text("This is not a web address")
        yield finding("flow_url_refused", step.key, place, reason=reason)
