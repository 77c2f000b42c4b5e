"""A form: questions one after the other, each answer checked, a summary at the end, the result kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from plugins.base import BasePlugin, PluginConfig
from plugins.context import Context
from plugins.form_steps import FormStep, Kind, WrongAnswer, answer_in, shown
from plugins.markup import HTML
from plugins.router import Router
from plugins.states import State, StatesGroup
from plugins.texts import VARIABLES, TelegramText

PICK, BACK, SKIP, STOP, SEND = "form_pick", "form_back", "form_skip", "form_stop", "form_send"
WORDS: Final = {
    BACK: {"pt": "⬅️ Voltar", "en": "⬅️ Back"},
    SKIP: {"pt": "Pular ➡️", "en": "Skip ➡️"},
    STOP: {"pt": "✖️ Cancelar", "en": "✖️ Cancel"},
    SEND: {"pt": "✅ Enviar", "en": "✅ Send"},
    "check": {"pt": "<b>Confira suas respostas</b>", "en": "<b>Check your answers</b>"},
    "stopped": {"pt": "Formulário cancelado.", "en": "The form is cancelled."},
    "thanks": {"pt": "Obrigado! Recebemos suas respostas.", "en": "Thank you! We have your answers."},
    "over": {"pt": "Esta pergunta já passou.", "en": "This question is over."},
}
Text = Annotated[str, TelegramText(variables=VARIABLES, may_be_blank=True)]


class Filling(StatesGroup):
    """Where somebody is in the form."""

    asked = State()
    summed_up = State()


class FormConfig(PluginConfig):
    """Configuration of `form`."""

    command: str = Field(
        "form", pattern=r"^[A-Za-z0-9_]+$", max_length=32, description="The command that begins the form"
    )
    steps: list[FormStep] = Field(
        default_factory=lambda: [
            FormStep(name="name", question="What's your name?"),
            FormStep(name="age", question="How old are you?", kind=Kind.NUMBER, minimum=0, maximum=150),
        ],
        min_length=1,
        max_length=30,
        description="The questions in order; kind is text, number, email, phone, choice or date",
    )
    confirm: bool = Field(True, description="Show a summary to be confirmed")
    thanks: Text = Field(
        "", description="The last message, HTML; empty: a thank-you in the person's language"
    )
    notify_admins: bool = Field(False, description="Notify the bot's owner of each form")

    @model_validator(mode="after")
    def _names_are_different(self) -> Self:
        if len({step.name for step in self.steps}) < len(self.steps):
            raise PydanticCustomError("form_step_repeated", "Two steps have the same name")
        return self


class FormPlugin(BasePlugin):
    """Asks, checks, goes back, sums up."""

    name = "form"
    title = "Form"
    description = "Asks questions one after the other and keeps the answers"
    author = "Flotilla"
    config_model = FormConfig

    def setup_handlers(self, router: Router) -> None:
        """Take the command, answers in words and taps."""
        router.command(self.get_config("command"))(self._begin)
        router.state(Filling.asked)(self._take)
        router.callback(PICK, BACK, SKIP, where=Filling.asked)(self._tapped)
        router.callback(BACK, SEND, where=Filling.summed_up)(self._decided)
        router.callback(STOP, where=lambda _query, ctx: ctx.state_owner == self.name)(self._stop)
        router.callback(PICK, BACK, SKIP, STOP, SEND)(lambda _query, ctx: ctx.answer(_say(ctx, "over")))

    @property
    def _steps(self) -> list[FormStep]:
        steps: list[FormStep] = self.get_config("steps")
        return steps

    def _begin(self, _message: Any, ctx: Context) -> None:
        ctx.clear_state()
        self._ask(ctx, 0)

    def _take(self, message: Any, ctx: Context) -> None:
        """An answer in words, or a shared contact."""
        place = self._place(ctx)
        contact = getattr(message, "contact", None)
        given = contact.phone_number if contact else message.text or ""
        self._answered(ctx, place, given)

    def _tapped(self, _query: Any, ctx: Context) -> None:
        action, (name, _, option) = ctx.tap.action, ctx.tap.payload.partition(":")  # type: ignore[union-attr]
        place = self._place(ctx)
        step = self._steps[place]
        if name != step.name:  # below an older question
            ctx.answer(_say(ctx, "over"))
        elif action == BACK:
            self._ask(ctx, max(0, place - 1), in_place=True)
        elif action == SKIP:
            ctx.edit(ctx.fill(step.question, HTML), parse_mode=HTML)
            self._go_on(ctx, place, None)
        elif option.isdecimal() and int(option) < len(step.options):
            chosen = ctx.escape(step.options[int(option)])
            ctx.edit(f"{ctx.fill(step.question, HTML)}\n✔️ {chosen}", parse_mode=HTML)
            self._answered(ctx, place, step.options[int(option)])

    def _decided(self, _query: Any, ctx: Context) -> None:
        if ctx.tap and ctx.tap.action == BACK:
            self._ask(ctx, len(self._steps) - 1, in_place=True)
        else:
            ctx.edit(self._summary(ctx), parse_mode=HTML)
            self._finish(ctx)

    def _stop(self, _query: Any, ctx: Context) -> None:
        ctx.clear_state()
        ctx.edit(_say(ctx, "stopped"), parse_mode=HTML)

    def _answered(self, ctx: Context, place: int, given: str) -> None:
        step = self._steps[place]
        try:
            answer = answer_in(step, given)
        except WrongAnswer as wrong:
            said = ctx.escape(ctx.translate(wrong.texts))
            ctx.send(said, reply_markup=self._keyboard(ctx, place), parse_mode=HTML)
        else:
            self._go_on(ctx, place, answer)

    def _go_on(self, ctx: Context, place: int, answer: Any) -> None:
        """Note the answer to one question and ask the next."""
        answers = {**ctx.data.get("answers", {}), self._steps[place].name: answer}
        ctx.update_data(answers=answers)
        if place + 1 < len(self._steps):
            self._ask(ctx, place + 1)
        elif self.get_config("confirm"):
            ctx.set_state(Filling.summed_up)
            keys = [_key(ctx, BACK), _key(ctx, STOP)]
            keyboard = {"inline_keyboard": [[_key(ctx, SEND)], keys]}
            said = f"{_say(ctx, 'check')}\n\n{self._summary(ctx)}"
            ctx.send(said, reply_markup=keyboard, parse_mode=HTML)
        else:
            self._finish(ctx)

    def _ask(self, ctx: Context, place: int, *, in_place: bool = False) -> None:
        step = self._steps[place]
        ctx.set_state(Filling.asked)
        ctx.update_data(step=step.name)
        say = ctx.edit if in_place else ctx.send
        say(ctx.fill(step.question, HTML), reply_markup=self._keyboard(ctx, place), parse_mode=HTML)

    def _place(self, ctx: Context) -> int:
        """Which question is open; the first, when the one that was is no longer part of the form."""
        names = [step.name for step in self._steps]
        asked = ctx.data.get("step")
        return names.index(asked) if asked in names else 0

    def _keyboard(self, ctx: Context, place: int) -> dict[str, Any]:
        step = self._steps[place]
        options = [
            [ctx.button(option, PICK, f"{step.name}:{number}")] for number, option in enumerate(step.options)
        ]
        foot = [*([BACK] if place else []), *([] if step.required else [SKIP]), STOP]
        return {"inline_keyboard": [*options, [_key(ctx, action, step.name) for action in foot]]}

    def _summary(self, ctx: Context) -> str:
        return "\n".join(f"• {ctx.escape(label)}: {ctx.escape(value)}" for label, value in self._lines(ctx))

    def _lines(self, ctx: Context) -> Iterator[tuple[str, str]]:
        answers = ctx.data.get("answers", {})
        return ((step.label or step.name, shown(step, answers.get(step.name))) for step in self._steps)

    def _finish(self, ctx: Context) -> None:
        person, answers = ctx.lead, ctx.data.get("answers", {})
        kept = {"answers": answers, "at": ctx.now.isoformat(timespec="seconds"), "name": person.first_name}
        self.db.set(f"answers:{person.telegram_id}:{int(ctx.clock() * 1000)}", kept)
        if self.get_config("notify_admins"):
            lines = "\n".join(f"{label}: {value}" for label, value in self._lines(ctx))
            ctx.notify_owner("form_answered", {"person": person.first_name, "answers": lines[:1000]})
        ctx.clear_state()
        ctx.send(ctx.fill(self.get_config("thanks"), HTML) or _say(ctx, "thanks"), parse_mode=HTML)


def _say(ctx: Context, word: str) -> str:
    return ctx.translate(WORDS[word])


def _key(ctx: Context, action: str, payload: str = "") -> dict[str, str]:
    return ctx.button(_say(ctx, action), action, payload)


plugin = FormPlugin
