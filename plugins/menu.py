"""A menu of buttons, menus within menus, shown in one message that changes in place."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from plugins.base import BasePlugin, PluginConfig
from plugins.context import Context
from plugins.markup import HTML
from plugins.router import Router
from plugins.texts import LONGEST_LABEL, PLAIN_TEXT, VARIABLES, TelegramText

MOST_BUTTONS: Final = 99  # of a page: Telegram takes 100 below a message, and one leads back
DEEPEST: Final = 8
PAGE, CLOSE = "menu", "menu_close"
CHOOSE = {"pt": "Escolha uma opção:", "en": "Choose an option:"}
BACK = {"pt": "⬅️ Voltar", "en": "⬅️ Back"}
CANCEL = {"pt": "✖️ Fechar", "en": "✖️ Close"}
CHANGED = {"pt": "O menu mudou.", "en": "The menu has changed."}
Text = Annotated[str, TelegramText(variables=VARIABLES, may_be_blank=True)]


class MenuButton(BaseModel):
    """A button: it opens an address, or a page with a text and buttons of its own."""

    model_config = ConfigDict(extra="forbid")

    label: Annotated[str, PLAIN_TEXT] = Field(
        min_length=1, max_length=LONGEST_LABEL, description="what stands on the button"
    )
    url: str = Field(
        "", pattern=r"^((https?|tg)://\S+)?$", max_length=2000, description="the address it opens"
    )
    text: Text = Field("", description="the page's text, HTML; the label when empty")
    buttons: list[MenuButton] = Field(
        default_factory=list, max_length=MOST_BUTTONS, description="the page's buttons"
    )

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if self.url and (self.text or self.buttons):
            raise PydanticCustomError("menu_button_both", "A button opens an address or a page, not both")
        return self


class MenuConfig(PluginConfig):
    """Configuration of `menu`."""

    command: str = Field(
        "menu", pattern=r"^[A-Za-z0-9_]+$", max_length=32, description="The command that opens the menu"
    )
    text: Text = Field("", description="Text above the buttons, HTML; empty: 'Choose an option'")
    columns: int = Field(2, ge=1, le=8, description="Buttons in a row")
    closable: bool = Field(True, description="A button that takes the menu away")
    buttons: list[MenuButton] = Field(
        default_factory=lambda: [
            MenuButton(label="Option 1", text="Selected: Option 1"),
            MenuButton(label="Option 2", text="Selected: Option 2"),
        ],
        max_length=MOST_BUTTONS,
        description="The buttons; those with buttons of their own are menus in the menu",
    )

    @model_validator(mode="after")
    def _is_not_too_deep(self) -> Self:
        if _depth(self.buttons) > DEEPEST:
            raise PydanticCustomError(
                "menu_too_deep", "Menus in menus go {deepest} deep at most", {"deepest": DEEPEST}
            )
        return self


class MenuPlugin(BasePlugin):
    """Answers /menu, and turns its pages."""

    name = "menu"
    title = "Menu"
    description = "Shows a menu of buttons, with menus in it"
    author = "Flotilla"
    config_model = MenuConfig

    def setup_handlers(self, router: Router) -> None:
        """Take the command and the taps."""
        router.command(self.get_config("command"))(self._open)
        router.callback(PAGE)(self._turn)
        router.callback(CLOSE)(self._close)

    def _open(self, _message: Any, ctx: Context) -> None:
        text, keyboard = self._page(ctx, ())
        ctx.send(text, reply_markup=keyboard, parse_mode=HTML)

    def _turn(self, _query: Any, ctx: Context) -> None:
        payload = ctx.tap.payload if ctx.tap else ""
        path = _path_in(payload)
        if _payload(self.get_config("buttons"), path) != payload:
            path = ()
            ctx.answer(ctx.translate(CHANGED))
        text, keyboard = self._page(ctx, path)
        ctx.edit(text, reply_markup=keyboard, parse_mode=HTML)

    def _close(self, _query: Any, ctx: Context) -> None:
        ctx.delete()

    def _page(self, ctx: Context, path: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
        """Text and keyboard of the page at `path`."""
        top: list[MenuButton] = self.get_config("buttons")
        page = _at(top, path)
        below = top if page is None else page.buttons
        text = (
            self.get_config("text") or ctx.translate(CHOOSE)
            if page is None
            else page.text or ctx.escape(page.label)
        )
        keys = [
            {"text": each.label, "url": each.url}
            if each.url
            else ctx.button(each.label, PAGE, _payload(top, (*path, number)))
            for number, each in enumerate(below)
        ]
        return ctx.fill(text, HTML), {"inline_keyboard": [*self._rows(keys), *self._foot(ctx, top, path)]}

    def _rows(self, keys: list[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
        columns = self.get_config("columns")
        for start in range(0, len(keys), columns):
            yield keys[start : start + columns]

    def _foot(
        self, ctx: Context, top: list[MenuButton], path: tuple[int, ...]
    ) -> Iterator[list[dict[str, str]]]:
        if path:
            yield [ctx.button(ctx.translate(BACK), PAGE, _payload(top, path[:-1]))]
        elif self.get_config("closable"):
            yield [ctx.button(ctx.translate(CANCEL), CLOSE)]


def _at(top: list[MenuButton], path: Iterable[int]) -> MenuButton | None:
    """The button at `path`; None for the top, and for a path that leads nowhere."""
    found, below = None, top
    for number in path:
        if number >= len(below):
            return None
        found = below[number]
        below = found.buttons
    return found


def _payload(top: list[MenuButton], path: tuple[int, ...]) -> str:
    """What a button to the page at `path` carries: the path, and a sum of its label, by which a changed menu is noticed."""
    page = _at(top, path)
    label = page.label if page else ""
    return f"{'.'.join(map(str, path))}~{zlib.crc32(label.encode()):x}"


def _path_in(payload: str) -> tuple[int, ...]:
    numbers = payload.partition("~")[0].split(".")
    return tuple(int(number) for number in numbers if number.isdecimal())


def _depth(buttons: Iterable[MenuButton]) -> int:
    return max((1 + _depth(each.buttons) for each in buttons), default=0)


plugin = MenuPlugin
