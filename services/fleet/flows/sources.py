"""What a new flow begins with: a document that is given, a file, a template, or one step."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from typing_extensions import TypedDict

from plugins.flows.document import FlowDocument
from services.core.answer_types import Sentence
from services.core.errors import InvalidInput
from services.core.i18n import N_, Text
from services.fleet.declared.yaml_source import read_yaml
from services.fleet.flows import yaml_file
from services.fleet.flows.fields import NewFlow, Template

FOLDER: Final = Path(__file__).parent / "templates"
FIRST_STEP: Final[dict[str, Any]] = {
    "start": "start",
    "steps": [{"key": "start", "messages": [{"kind": "text", "text": "👋 {first_name}"}]}],
}
TITLES: Final = {
    Template.SHORT_VIDEO: N_("Short video, aggressive order bump"),
    Template.LONG_VIDEO: N_("Long video, subtle order bump"),
}
ABOUT: Final = {
    Template.SHORT_VIDEO: N_(
        "A video of seconds, an extra offer before the payment and once more after a no, reminders after minutes and a day"
    ),
    Template.LONG_VIDEO: N_(
        "A lesson, one calm offer with people who answer questions, the extra offer as a postscript after the purchase"
    ),
}


class TemplateView(TypedDict):
    """A flow to begin with. Its video is yours to choose: until then it cannot be published."""

    name: str
    title: Sentence
    about: Sentence
    languages: list[str]


def templates() -> list[TemplateView]:
    """The templates there are."""
    return [
        {
            "name": str(each),
            "title": Text(TITLES[each]),
            "about": Text(ABOUT[each]),
            "languages": sorted(file.name.split(".")[1] for file in FOLDER.glob(f"{each}.*.yaml")),
        }
        for each in Template
    ]


def document_of(wanted: NewFlow) -> dict[str, Any]:
    """The first draft. Raises InvalidInput `flow_sources` for more than one source, and as `yaml_file.parsed` does."""
    given = [each for each in (wanted.document, wanted.yaml, wanted.template) if each is not None]
    if len(given) > 1:
        raise InvalidInput(
            "Give a document, a file or a template, and not several of them",
            code="flow_sources",
            field="document",
        )
    if wanted.template is not None:
        return template(wanted.template, wanted.language)
    if wanted.yaml is not None:
        return yaml_file.parsed(wanted.yaml)
    return FIRST_STEP if wanted.document is None else wanted.document


def schema() -> dict[str, Any]:
    """The JSON Schema of a flow's document."""
    return FlowDocument.model_json_schema()


@cache
def template(name: Template, language: str) -> dict[str, Any]:
    """A template's document in a language ("pt", "en"). Not to be changed."""
    found: dict[str, Any] = read_yaml((FOLDER / f"{name}.{language}.yaml").read_bytes()).plain()
    return found
