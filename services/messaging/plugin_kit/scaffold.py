"""The first files of a new plugin: code, translation, test and page, working as they stand."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

from services.core.errors import Conflict, InvalidInput
from services.core.i18n import Text

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,30}")
CODE: Final = '''"""What the plugin {name} does."""

from typing import Annotated, Any

from pydantic import Field

from plugins.base import BasePlugin, PluginConfig
from plugins.context import Context
from plugins.router import Router
from plugins.states import State, StatesGroup
from plugins.texts import VARIABLES, TelegramText


class Greeting(StatesGroup):
    """Where the conversation stands."""

    waiting_for_word = State()


class {title}Config(PluginConfig):
    """What the bot's owner can set; the panel makes a form of it."""

    greeting: Annotated[str, TelegramText(variables=VARIABLES)] = Field(
        "Hello, {{first_name}}!", description="Answer to /{name}, HTML"
    )


class {title}Plugin(BasePlugin):
    """Answers /{name}, and asks one thing back."""

    name = "{name}"
    description = "Answers /{name}"
    version = "1.0.0"
    author = "You"
    config_model = {title}Config

    def setup_handlers(self, router: Router) -> None:
        router.command("{name}")(self.greet)
        router.callback("{name}_ask")(self.ask)
        router.state(Greeting.waiting_for_word)(self.take_word)

    def greet(self, message: Any, ctx: Context) -> None:
        keyboard = {{"inline_keyboard": [[ctx.button(ctx.gettext("Answer"), "{name}_ask")]]}}
        ctx.send(ctx.fill(self.get_config("greeting")), reply_markup=keyboard)

    def ask(self, query: Any, ctx: Context) -> None:
        ctx.set_state(Greeting.waiting_for_word)
        ctx.answer(ctx.gettext("I am listening."))

    def take_word(self, message: Any, ctx: Context) -> None:
        self.db.set(f"word:{{ctx.lead.telegram_id}}", message.text)
        ctx.clear_state()
        ctx.send(ctx.gettext("You said: {{words}}", words=message.text or ""))


plugin = {title}Plugin
'''
TEST: Final = '''"""The plugin {name} in a chat."""

from plugins.testing import Chat


def test_it_greets_and_remembers_what_was_said_back() -> None:
    chat = Chat("{name}", {{"greeting": "Hi <b>{{first_name}}</b>"}})
    chat.send("/{name}")
    assert chat.last.text == "Hi Ana"
    chat.tap("Answer")
    chat.send("Good morning")
    assert chat.last.text == "You said: Good morning"
    assert chat.state is None
    assert chat.store.get("word:5") == "Good morning"


def test_it_speaks_portuguese() -> None:
    chat = Chat("{name}", language="pt-br")
    chat.send("/{name}")
    chat.tap("Responder")
    assert chat.notice == "Estou ouvindo."
    chat.send("Bom dia")
    assert chat.last.text == "Você disse: Bom dia"
'''
TRANSLATION: Final = """# What {name}.py says to people whose Telegram speaks Portuguese.
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n > 1);\\n"

msgid "Answer"
msgstr "Responder"

msgid "I am listening."
msgstr "Estou ouvindo."

msgid "You said: {{words}}"
msgstr "Você disse: {{words}}"
"""
PAGE: Final = """# {name}

Answers /{name} with a greeting and a button; after a tap it takes the next message and keeps it.

| Field | Meaning | Default |
|---|---|---|
| `greeting` | answer to /{name}, HTML, with `{{first_name}}`, `{{last_name}}`, `{{username}}`, `{{id}}`, `{{start_param}}`, `{{bot_name}}` | `Hello, {{first_name}}!` |

It speaks English, and Portuguese out of `{name}.pt_BR.po`; `flask plugins check` says what a translation lacks.

Kept per person: the last word, under `word:<id>`.
"""


def write_plugin(folder: Path, name: str, taken: Collection[str]) -> list[Path]:
    """Write the plugin `name` into `folder`; the files. InvalidInput for a name that is none, Conflict for one that is taken."""
    if not NAME.fullmatch(name):
        raise InvalidInput(
            Text("A plugin's name has 1 to 31 small letters, digits and _, a letter first"),
            code="plugin_name",
            field="name",
        )
    files = {
        folder / f"{name}.py": CODE,
        folder / "tests" / f"test_{name}.py": TEST,
        folder / f"{name}.md": PAGE,
        folder / f"{name}.pt_BR.po": TRANSLATION,
    }
    if name in taken or any(file.exists() for file in files):
        raise Conflict(Text("There is a plugin {name} already", name=name), code="plugin_exists")
    title = "".join(part.capitalize() for part in name.split("_"))
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(encoding="utf-8", data=text.format(name=name, title=title))
    return list(files)
