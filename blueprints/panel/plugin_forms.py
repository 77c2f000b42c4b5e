"""The built-in plugins' own words in the reader's language; a custom plugin speaks as its author wrote it."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext

from services.core.i18n import N_
from services.fleet import plugin_catalogue
from services.fleet.plugin_loading.describing import FieldView

BUILT_IN_TEXTS = (
    N_("Welcome"),
    N_("Help"),
    N_("Echo"),
    N_("Errors"),
    N_("Answers /start with a welcome message"),
    N_("Answer to /start, HTML; {first_name}, {last_name}, {username}, {start_param}, {bot_name}"),
    N_("Menu"),
    N_("Form"),
    N_("Statistics"),
    N_("Files"),
    N_("Support"),
    N_("Other APIs"),
    N_("Answers /help with a list of commands"),
    N_("First line, plain text"),
    N_("The commands and what they do"),
    N_("Repeats what people write"),
    N_("Repeat every text, not only /echo <text>"),
    N_("Apologises when something goes wrong, with an error code"),
    N_("Show the error's code to the person, for asking support"),
    N_("Notify the bot's owner in the panel"),
    N_("Shows a menu of buttons, with menus in it"),
    N_("The command that opens the menu"),
    N_("Text above the buttons, HTML; empty: 'Choose an option'"),
    N_("Buttons in a row"),
    N_("A button that takes the menu away"),
    N_("The buttons; those with buttons of their own are menus in the menu"),
    N_("Asks questions one after the other and keeps the answers"),
    N_("The command that begins the form"),
    N_("The questions in order; kind is text, number, email, phone, choice or date"),
    N_("Show a summary to be confirmed"),
    N_("The last message, HTML; empty: a thank-you in the person's language"),
    N_("Notify the bot's owner of each form"),
    N_("Answers /stats with how many people the bot knows"),
    N_("Telegram ids of those who may ask; empty: everybody"),
    N_("When a day begins, such as America/Sao_Paulo"),
    N_("Brings people's messages to a group of operators, and their answers back"),
    N_("Id of the operators' group, such as -1001234567890; 0 switches support off"),
    N_("A topic of the group for each person, where it has topics"),
    N_("Answer to somebody's first message, HTML; empty: none"),
    N_("Asks other APIs and answers with what they say"),
    N_("Commands, the address that each asks, and the answer made of its JSON"),
    N_("Answer when the API fails, HTML; empty: an apology"),
    N_("what stands on the button"),
    N_("the address it opens"),
    N_("the page's text, HTML; the label when empty"),
    N_("the page's buttons"),
    N_("what the answer is kept under"),
    N_("HTML"),
    N_("text, number, email, phone, choice or date"),
    N_("what the summary calls it; the name when empty"),
    N_("the answers of a choice"),
    N_("whether it may not be skipped"),
    N_("of a number; of a text its shortest length"),
    N_("of a number; of a text its greatest length"),
    N_("the command, with or without a slash"),
    N_("what it does"),
    N_("what is asked; {args}, {id}, {language} are filled in"),
    N_("the answer, HTML; {main.temp} or {0.name} is read out of the JSON"),
    N_("how long the last answer stands in for an API that is away"),
    N_("Takes the files that people send, checked by their content"),
    N_("What is taken; messages with other files go to the next plugin"),
    N_("Size up to which a file is taken, in MB"),
    N_("MIME types that are taken, by the content of the file"),
    N_("Files a day from one person; 0: without limit"),
    N_("Answer to a file that was taken, HTML; empty: a word of thanks with its name"),
    N_("Answer to a file of another type, HTML; empty: a sentence that says so"),
    N_("Answer to a file that is too large, HTML; empty: a sentence that says so"),
    N_("Notify the bot's owner of each file"),
)
LABELS = {
    "welcome_message": N_("Welcome message"),
    "label": N_("Label"),
    "header": N_("Header"),
    "commands": N_("Commands"),
    "command": N_("Command"),
    "description": N_("Description"),
    "echo_all": N_("Repeat everything"),
    "show_error_id": N_("Show the error code"),
    "notify_admins": N_("Notify me"),
    "text": N_("Text"),
    "columns": N_("Columns"),
    "closable": N_("Can be closed"),
    "buttons": N_("Buttons"),
    "steps": N_("Questions"),
    "confirm": N_("Summary at the end"),
    "thanks": N_("Last message"),
    "admin_users": N_("Administrators"),
    "timezone": N_("Time zone"),
    "group_id": N_("Group"),
    "topics": N_("Topics"),
    "greeting": N_("First answer"),
    "url": N_("Address"),
    "answer": N_("Answer"),
    "keep_seconds": N_("Seconds an old answer is good for"),
    "error_message": N_("Answer when it fails"),
    "name": N_("Short name"),
    "question": N_("Question"),
    "kind": N_("Kind of answer"),
    "options": N_("Choices"),
    "required": N_("Must be answered"),
    "minimum": N_("Minimum"),
    "maximum": N_("Maximum"),
    "kinds": N_("Kinds of file"),
    "largest_megabytes": N_("Largest size"),
    "types": N_("Types of content"),
    "daily_limit": N_("Files a day"),
    "refused": N_("Answer to another type"),
    "too_large": N_("Answer when it is too large"),
}
CHOICES = {  # of the kinds of answer of a form
    "text": N_("Text"),
    "number": N_("Number"),
    "email": N_("E-mail"),
    "phone": N_("Phone"),
    "choice": N_("Choice"),
    "date": N_("Date"),
}


def plugin_forms() -> list[dict[str, Any]]:
    """Every plugin with its title, its description and its fields as the form draws them."""
    return [
        {
            "name": plugin["name"],
            "title": _translated(plugin["title"]),
            "description": _translated(plugin["description"]),
            "fields": [_field(field) for field in plugin["fields"]],
            "models": {
                name: [_field(field) for field in fields] for name, fields in plugin["models"].items()
            },
        }
        for plugin in plugin_catalogue.describe()
    ]


def _field(field: FieldView) -> dict[str, Any]:
    known = LABELS.get(field["name"])
    return {
        **field,
        "title": gettext(known) if known else field["title"],
        "description": _translated(field["description"]),
        "choices": [{"value": each, "title": _choice(each)} for each in field["choices"]],
    }


def _choice(value: Any) -> str:
    return gettext(CHOICES[value]) if value in CHOICES else str(value)


def _translated(text: str) -> str:
    return gettext(text) if text in BUILT_IN_TEXTS else text
