"""Takes the files that people send."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from plugins.base import BasePlugin, PluginConfig
from plugins.context import Context
from plugins.files import SAFE_TYPES, Attachment, FileRefused, attachment_of
from plugins.markup import HTML
from plugins.router import PASS, Router
from plugins.texts import VARIABLES, TelegramText

Kind = Literal["photo", "video", "video_note", "audio", "voice", "document", "animation", "sticker"]
MEGABYTE: Final = 2**20
THANKS: Final = {"pt": "✅ Recebido: {name}", "en": "✅ Received: {name}"}
ENOUGH: Final = {
    "pt": "Você já enviou {most} arquivos hoje. Tente amanhã.",
    "en": "You have sent {most} files today. Please try tomorrow.",
}
TOO_LARGE: Final = {
    "pt": "O arquivo é grande demais: até {megabytes} MB.",
    "en": "The file is too large: up to {megabytes} MB.",
}
REFUSED: Final = {
    "pt": "Este tipo de arquivo não é aceito.",
    "en": "This kind of file is not accepted.",
}
NOT_NOW: Final = {
    "pt": "Não foi possível guardar o arquivo. Tente novamente mais tarde.",
    "en": "The file could not be kept. Please try again later.",
}
OF_THE_FILE: Final = ("type", "executable", "infected")
Text = Annotated[str, TelegramText(variables=VARIABLES, may_be_blank=True)]


class MediaConfig(PluginConfig):
    """Configuration of `media`."""

    kinds: list[Kind] = Field(
        ["photo", "video", "audio", "voice", "document", "animation"],
        min_length=1,
        max_length=8,
        description="What is taken; messages with other files go to the next plugin",
    )
    largest_megabytes: int = Field(20, ge=1, le=20, description="Size up to which a file is taken, in MB")
    types: list[Annotated[str, Field(max_length=100)]] = Field(
        list(SAFE_TYPES),
        min_length=1,
        max_length=50,
        description="MIME types that are taken, by the content of the file",
    )
    daily_limit: int = Field(20, ge=0, le=10_000, description="Files a day from one person; 0: without limit")
    thanks: Text = Field(
        "", description="Answer to a file that was taken, HTML; empty: a word of thanks with its name"
    )
    refused: Text = Field(
        "", description="Answer to a file of another type, HTML; empty: a sentence that says so"
    )
    too_large: Text = Field(
        "", description="Answer to a file that is too large, HTML; empty: a sentence that says so"
    )
    notify_admins: bool = Field(False, description="Notify the bot's owner of each file")


class MediaPlugin(BasePlugin):
    """Keeps photos, videos, sounds and documents that people send to the bot."""

    name = "media"
    title = "Files"
    description = "Takes the files that people send, checked by their content"
    author = "Flotilla"
    config_model = MediaConfig

    def setup_handlers(self, router: Router) -> None:
        """Take messages with a file of the kinds that are wanted."""
        router.message(where=self._is_wanted)(self._take)

    def _is_wanted(self, message: Any, _ctx: Context) -> bool:
        found = attachment_of(message)
        return found is not None and found.kind in self.get_config("kinds")

    def _take(self, message: Any, ctx: Context) -> object:
        attachment, most = attachment_of(message), self.get_config("daily_limit")
        if attachment is None:
            return PASS
        today, key = ctx.now.date().isoformat(), f"day:{ctx.lead.telegram_id}"
        day, count = self.db.get(key, [today, 0])
        count = count if day == today else 0
        if most and count >= most:
            _say(ctx, ctx.translate(ENOUGH).format(most=most))
            return None
        if self._keep(attachment, ctx):
            self.db.set(key, [today, count + 1])
        return None

    def _keep(self, attachment: Attachment, ctx: Context) -> bool:
        """Whether the file was taken; the person is told either way."""
        megabytes = self.get_config("largest_megabytes")
        types = self.get_config("types")
        try:
            kept = ctx.files.download(attachment, types=types, largest=megabytes * MEGABYTE)
        except FileRefused as refusal:
            self._refuse(refusal.code, megabytes, ctx)
            return False
        thanks = self.get_config("thanks")
        name = ctx.escape(kept.name)
        _say(ctx, ctx.fill(thanks, HTML) if thanks else ctx.translate(THANKS).format(name=name))
        if self.get_config("notify_admins"):
            facts = {"person": ctx.lead.first_name, "name": kept.name, "mime": kept.mime}
            ctx.notify_owner("file_received", facts)
        return True

    def _refuse(self, code: str, megabytes: int, ctx: Context) -> None:
        if code == "too_large":
            own, usual = self.get_config("too_large"), ctx.translate(TOO_LARGE).format(megabytes=megabytes)
        elif code in OF_THE_FILE:
            own, usual = self.get_config("refused"), ctx.translate(REFUSED)
        else:
            own, usual = "", ctx.translate(NOT_NOW)
        _say(ctx, ctx.fill(own, HTML) if own else usual)


def _say(ctx: Context, text: str) -> None:
    """Reply with `text`, HTML whatever the bot's own parse mode is."""
    ctx.send(text, parse_mode=HTML, **ctx.address.to_reply())


plugin = MediaPlugin
