"""Greets whoever presses Start with buttons, and answers their taps."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from plugins.base import BasePlugin, PluginConfig
from plugins.context import Context
from plugins.router import Router
from plugins.texts import VARIABLES, TelegramText

ACTION = "menu"


class MenuButton(BaseModel):
    """A button of the menu."""

    model_config = ConfigDict(extra="forbid")

    label: str = Field(min_length=1, max_length=64, pattern=r"\S", description="what the button says")
    answer: Annotated[str, TelegramText(variables=VARIABLES)] = Field(
        min_length=1, description="what a tap shows, HTML"
    )


class MenuConfig(PluginConfig):
    """Configuration of `menu`."""

    greeting: Annotated[str, TelegramText(variables=VARIABLES)] = Field(
        "Olá, {first_name}! 👋 Como posso ajudar?",
        min_length=1,
        description="Answer to /start and /menu, above the buttons, HTML; variables as in the welcome message",
    )
    buttons: list[MenuButton] = Field(
        default_factory=lambda: [
            MenuButton(label="Como funciona?", answer="Conte aqui como funciona."),
            MenuButton(label="Quanto custa?", answer="Diga aqui quanto custa."),
        ],
        min_length=1,
        max_length=20,
        description="The buttons, one below the other, and what they answer",
    )
    back: str = Field(
        "⬅️ Voltar", min_length=1, max_length=64, pattern=r"\S", description="The button below an answer"
    )


class MenuPlugin(BasePlugin):
    """Shows a menu of buttons; a tap turns the message into the answer, with a way back."""

    name = "menu"
    description = "Answers /start and /menu with buttons"
    author = "Flotilla"
    config_model = MenuConfig

    def setup_handlers(self, router: Router) -> None:
        """Take /start, /menu and the taps."""
        router.command("start", "menu")(self._open)
        router.callback(ACTION)(self._tapped)

    def _open(self, _message: Any, ctx: Context) -> None:
        ctx.send(ctx.fill(self.get_config("greeting")), reply_markup=self._menu(ctx))

    def _tapped(self, _query: Any, ctx: Context) -> None:
        ctx.answer()
        chosen = self._chosen(ctx)
        if chosen is None:
            ctx.edit(ctx.fill(self.get_config("greeting")), reply_markup=self._menu(ctx))
        else:
            ctx.edit(
                ctx.fill(chosen.answer), reply_markup=_column(ctx.button(self.get_config("back"), ACTION))
            )

    def _menu(self, ctx: Context) -> dict[str, Any]:
        labels = [button.label for button in self.get_config("buttons")]
        return _column(*(ctx.button(label, ACTION, str(at)) for at, label in enumerate(labels)))

    def _chosen(self, ctx: Context) -> MenuButton | None:
        """The tapped button; None for the way back, and for one that the configuration has no more."""
        payload = ctx.tap.payload if ctx.tap else ""
        buttons: list[MenuButton] = self.get_config("buttons")
        return buttons[int(payload)] if payload.isdecimal() and int(payload) < len(buttons) else None


def _column(*buttons: dict[str, str]) -> dict[str, Any]:
    return {"inline_keyboard": [[button] for button in buttons]}


plugin = MenuPlugin
