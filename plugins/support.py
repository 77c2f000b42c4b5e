"""Brings what people write to a group of operators, and what these answer back; a topic per person where the group has topics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import Field

from plugins.answers import CallAnswer
from plugins.base import BasePlugin, PluginConfig
from plugins.context import Context
from plugins.markup import HTML
from plugins.router import PASS, Router
from plugins.support_book import COPIED, SupportBook
from plugins.texts import VARIABLES, TelegramText

GONE: Final = (
    "thread not found",
    "topic_deleted",
    "topic_id_invalid",
    "topic_closed",
)  # Telegram's words for a topic that was deleted, or takes nothing of the bot's
ASK_AGAIN_SECONDS: Final = 3600.0  # an answer that has not come by then does not come any more
NO_TOPICS_SECONDS: Final = 600.0  # until a group that took no topic is asked for one again
LONGEST_TOPIC: Final = 128  # characters of its name
NOT_DELIVERED = {"pt": "⚠️ Não entregue: {reason}", "en": "⚠️ Not delivered: {reason}"}
Text = Annotated[str, TelegramText(variables=VARIABLES, may_be_blank=True)]


class SupportConfig(PluginConfig):
    """Configuration of `support`."""

    group_id: int = Field(
        0, description="Id of the operators' group, such as -1001234567890; 0 switches support off"
    )
    topics: bool = Field(True, description="A topic of the group for each person, where it has topics")
    greeting: Text = Field("", description="Answer to somebody's first message, HTML; empty: none")


class SupportPlugin(BasePlugin):
    """Copies messages both ways, with their edits."""

    name = "support"
    title = "Support"
    description = "Brings people's messages to a group of operators, and their answers back"
    author = "Flotilla"
    config_model = SupportConfig

    def setup_handlers(self, router: Router) -> None:
        """Take what others left of private chats, and what operators write about them."""
        router.message(where=self._is_operator)(self._from_operator)
        router.edited(where=self._is_operator)(self._edited_by_operator)
        router.message(where=self._is_person)(self._from_person)
        router.edited(where=self._is_person)(self._edited_by_person)
        router.answered("opened")(self._opened)
        router.answered("copied")(self._copied)
        router.answered("delivered")(self._delivered)

    @property
    def _group(self) -> int:
        group: int = self.get_config("group_id")
        return group

    @property
    def _book(self) -> SupportBook:
        return SupportBook(self.db)

    # From people to operators

    def _is_person(self, message: Any, _ctx: Context) -> bool:
        return self._group != 0 and message.chat.type == "private" and _is_content(message)

    def _from_person(self, message: Any, ctx: Context) -> None:
        person, book = ctx.lead.telegram_id, self._book
        if not book.knows(person) and self.get_config("greeting"):
            ctx.send(ctx.fill(self.get_config("greeting"), HTML), parse_mode=HTML)
        topic = book.topic_of(person)
        if topic or not self._wants_topic(ctx):
            book.met(person)
            self._bring(ctx, [message.message_id], topic, text=message.text)
        elif book.wait(person, message.message_id, ctx.clock(), ASK_AGAIN_SECONDS):
            name = f"{ctx.lead.first_name} {ctx.lead.last_name}".strip() or str(person)
            ctx.api("createForumTopic", chat_id=self._group, name=name[:LONGEST_TOPIC], then="opened")

    def _wants_topic(self, ctx: Context) -> bool:
        return bool(self.get_config("topics")) and ctx.clock() >= self.db.get("no_topics_until", 0.0)

    def _opened(self, answer: CallAnswer, ctx: Context) -> None:
        """A topic was opened, or the group has none: what waited goes where it can."""
        person, book = ctx.lead.telegram_id, self._book
        topic = book.topic_of(person)
        if not topic and answer.ok:
            topic = int(answer.result["message_thread_id"])
            book.open(person, topic)
            ctx.send(_who(ctx), chat_id=self._group, message_thread_id=topic, parse_mode=HTML)
        if not topic:
            ctx.logger.warning("the group took no topic: %s", answer.description)
            self.db.set("no_topics_until", ctx.clock() + NO_TOPICS_SECONDS)
        self._bring(ctx, book.take_waiting(person), topic)

    def _bring(self, ctx: Context, messages: Iterable[int], topic: int, *, text: str | None = None) -> None:
        """Have messages of the person's copied to the operators; without a topic it is said whose they are."""
        for number in messages:
            note = {"message": number, "topic": topic}
            place: dict[str, Any] = {"chat_id": self._group, "parse_mode": HTML, "then": "copied"}
            if text and not topic:
                said = f"{_who(ctx)}\n{ctx.escape(text)}"
                ctx.send(said, **place, note={**note, "headed": True})
                continue
            if not topic:
                ctx.send(_who(ctx), **place, note={**note, "message": 0})
            ctx.api(
                "copyMessage",
                chat_id=self._group,
                message_thread_id=topic or None,
                from_chat_id=ctx.chat_id,
                message_id=number,
                then="copied",
                note=note,
            )

    def _copied(self, answer: CallAnswer, ctx: Context) -> None:
        person, book, note = ctx.lead.telegram_id, self._book, answer.note
        if answer.ok:
            copy = int(answer.result["message_id"])
            book.copied(person, note["message"], copy, is_headed=bool(note.get("headed")))
        elif note["topic"] and any(words in answer.description.lower() for words in GONE):
            book.close(person, note["topic"])  # the next message opens another
            if book.wait(person, note["message"], ctx.clock(), ASK_AGAIN_SECONDS):
                name = ctx.lead.first_name or str(person)
                ctx.api("createForumTopic", chat_id=self._group, name=name[:LONGEST_TOPIC], then="opened")
        else:
            ctx.logger.warning("a message did not reach the operators: %s", answer.description)

    def _edited_by_person(self, message: Any, ctx: Context) -> object:
        found = self._book.copy_of(ctx.lead.telegram_id, message.message_id)
        if found is None:
            return PASS
        copy, is_headed = found
        head = f"{_who(ctx)}\n" if is_headed else ""
        _edit(ctx, message, self._group, copy, head)
        return None

    # From operators to people

    def _is_operator(self, message: Any, ctx: Context) -> bool:
        return ctx.chat_id == self._group and not message.from_user.is_bot and _is_content(message)

    def _from_operator(self, message: Any, ctx: Context) -> object:
        person = self._meant(message, ctx)
        if not person:
            return PASS
        ctx.api(
            "copyMessage",
            chat_id=person,
            from_chat_id=self._group,
            message_id=message.message_id,
            then="delivered",
            note={"message": message.message_id, "person": person},
        )
        return None

    def _meant(self, message: Any, ctx: Context) -> int:
        """Whom an operator writes to: the topic's person, or whose message is replied to; 0 for nobody."""
        if ctx.address.message_thread_id:
            return self._book.person_in(ctx.address.message_thread_id)
        replied = getattr(message, "reply_to_message", None)
        return self._book.person_behind(replied.message_id) if replied else 0

    def _delivered(self, answer: CallAnswer, ctx: Context) -> None:
        if answer.ok:
            self._book.delivered(answer.note["person"], answer.note["message"], answer.result["message_id"])
        else:
            reason = ctx.escape(answer.description)
            said = ctx.translate(NOT_DELIVERED).format(reason=reason)
            ctx.send(said, parse_mode=HTML, **ctx.address.to_reply())

    def _edited_by_operator(self, message: Any, ctx: Context) -> object:
        person = self._meant(message, ctx)
        copy = self._book.answer_of(person, message.message_id) if person else 0
        if not copy:
            return PASS
        _edit(ctx, message, person, copy, "")
        return None


def _edit(ctx: Context, message: Any, chat_id: int, copy: int, head: str) -> None:
    """Change the copy of a message that was edited: its text, or the caption below its media."""
    if message.text is not None:
        text = head + ctx.escape(message.text)
        ctx.api("editMessageText", chat_id=chat_id, message_id=copy, text=text, parse_mode=HTML)
    else:
        caption = ctx.escape(message.caption or "")
        ctx.api("editMessageCaption", chat_id=chat_id, message_id=copy, caption=caption, parse_mode=HTML)


def _who(ctx: Context) -> str:
    lead = ctx.lead
    name = ctx.escape(f"{lead.first_name} {lead.last_name}".strip() or lead.telegram_id)
    username = f" @{ctx.escape(lead.username)}" if lead.username else ""
    return f"👤 <b>{name}</b>{username} · <code>{lead.telegram_id}</code>"


def _is_content(message: Any) -> bool:
    """What can be copied, and is no command."""
    return message.content_type in COPIED and not (message.text or "").startswith("/")


plugin = SupportPlugin
