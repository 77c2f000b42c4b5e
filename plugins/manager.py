"""The manager bot: people run their fleets from a private chat with it. What it says is the house's (`plugins.fleet`)."""

from __future__ import annotations

from typing import Any, Final

from plugins.answers import CallAnswer
from plugins.base import BasePlugin
from plugins.context import Context
from plugins.files import TEXT_FILE
from plugins.fleet import Screen
from plugins.router import PASS, Router

PRIVATE: Final = "private"
APPROVED: Final = "approved"  # the panel has the person told so, and its deed follows
NO_PREVIEW: Final = {"is_disabled": True}  # of addresses in the names of bots and pools


class ManagerPlugin(BasePlugin):
    """Brings what people write to the house, and what the house answers to them."""

    name = "manager"
    title = "Manager"
    description = "Runs a person's fleet from a chat; the manager bot's alone"
    author = "Flotilla"
    supports_hot_reload = False
    allowed_updates = ("managed_bot",)

    def setup_handlers(self, router: Router) -> None:
        """Tokens first, wherever they stand, and codes: they are deleted before anything is asked."""
        router.message()(self._take_token)
        router.edited()(self._take_token)
        router.answered("deleted")(self._register)
        router.on("managed_bot")(self._managed)
        router.message(where=_is_elsewhere)(self._in_group)
        router.message()(self._take_code)
        router.answered("code")(self._confirm)
        router.answered(APPROVED)(self._approved)
        router.message()(self._command)
        router.callback()(self._tap)

    def _take_token(self, message: Any, ctx: Context) -> object:
        """The message goes at once; what Telegram says to that brings the token back, and it is looked at then."""
        tokens = ctx.fleet.tokens_in(ctx.update)
        if not tokens:
            return PASS
        ctx.api(
            "deleteMessage",
            chat_id=ctx.chat_id,
            message_id=message.message_id,
            then="deleted",
            note={"tokens": tokens, "private": message.chat.type == PRIVATE},
        )
        return None

    def _register(self, answer: CallAnswer, ctx: Context) -> None:
        tokens = answer.note["tokens"] if answer.note["private"] else []
        _show(ctx, ctx.fleet.register(tokens, was_deleted=answer.ok))

    def _take_code(self, message: Any, ctx: Context) -> object:
        """As a token: the code is looked at once its message is gone."""
        code = ctx.fleet.code_in(ctx.update)
        if not code:
            return PASS
        place = {"chat_id": ctx.chat_id, "message_id": message.message_id}
        ctx.api("deleteMessage", **place, then="code", note={"code": code})
        return None

    def _confirm(self, answer: CallAnswer, ctx: Context) -> None:
        _show(ctx, ctx.fleet.confirm(answer.note["code"], was_deleted=answer.ok))

    def _approved(self, answer: CallAnswer, ctx: Context) -> None:
        _show(ctx, ctx.fleet.approved(answer.note["request"]))

    def _managed(self, _news: Any, ctx: Context) -> None:
        _show(ctx, ctx.fleet.managed(ctx.update))

    def _in_group(self, _message: Any, ctx: Context) -> None:
        _show(ctx, ctx.fleet.in_group())

    def _command(self, _message: Any, ctx: Context) -> None:
        name, args = (ctx.command.name, ctx.command.args) if ctx.command else ("", "")
        _show(ctx, ctx.fleet.command(name, args))

    def _tap(self, _query: Any, ctx: Context) -> object:
        if ctx.tap is None:
            return PASS
        screen = ctx.fleet.tap(ctx.tap.action, ctx.tap.payload)
        if screen is None:
            return PASS
        ctx.edit(screen.text, **_shape(ctx, screen))
        _send_file(ctx, screen)
        return None


def _is_elsewhere(message: Any, _ctx: Context) -> bool:
    return bool(message.chat.type != PRIVATE)


def _show(ctx: Context, screen: Screen | None) -> None:
    if screen is not None:
        ctx.send(screen.text, **_shape(ctx, screen))
        _send_file(ctx, screen)


def _shape(ctx: Context, screen: Screen) -> dict[str, Any]:
    """How every screen is sent: as plain text, without previews, with its buttons."""
    return {
        "reply_markup": _keyboard(ctx, screen),
        "parse_mode": None,
        "link_preview_options": NO_PREVIEW,
    }


def _send_file(ctx: Context, screen: Screen) -> None:
    if screen.file is not None:
        document = {TEXT_FILE: screen.file.text, "name": screen.file.name}
        ctx.api("sendDocument", chat_id=ctx.chat_id, document=document)


def _keyboard(ctx: Context, screen: Screen) -> dict[str, Any] | None:
    rows = [
        [
            {"text": each.text, "url": each.url}
            if each.url
            else ctx.button(each.text, each.action, each.payload, once=each.once)
            for each in row
        ]
        for row in screen.buttons
    ]
    return {"inline_keyboard": rows} if rows else None


plugin = ManagerPlugin
