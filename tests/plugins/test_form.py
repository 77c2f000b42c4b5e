"""The built-in form: questions, answers, back, cancel, summary."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from plugins.form import FormPlugin
from plugins.form_steps import FormStep, WrongAnswer, answer_in
from plugins.testing import Chat

ORDER: dict[str, Any] = {
    "command": "order",
    "steps": [
        {"name": "name", "question": "<b>Who</b> are you, {first_name}?", "label": "Name"},
        {"name": "size", "question": "Which size?", "kind": "choice", "options": ["Small", "Large <XL>"]},
        {"name": "day", "question": "When?", "kind": "date", "required": False},
    ],
    "notify_admins": True,
}
PROFILE = {"steps": [{"name": "name", "question": "Name?"}], "confirm": False, "thanks": "Bye, {first_name}"}


def test_a_form_is_filled_in_summed_up_and_kept() -> None:
    chat = Chat(FormPlugin, ORDER)
    chat.send("/order")
    assert (chat.last.text, chat.last.buttons) == ("Who are you, Ana?", ["✖️ Cancel"])
    chat.send("Ana <3")
    assert chat.last.buttons == ["Small", "Large <XL>", "⬅️ Back", "✖️ Cancel"]
    chat.tap("Large <XL>")
    assert chat.texts[-2:] == ["Which size?\n✔️ Large <XL>", "When?"]
    chat.send("tomorrow")
    assert chat.last.text == "Write a date, such as 31/12/2026."
    assert chat.last.buttons == ["⬅️ Back", "Skip ➡️", "✖️ Cancel"]
    chat.send("24/12/2026")
    assert chat.last.text == "Check your answers\n\n• Name: Ana <3\n• size: Large <XL>\n• day: 24/12/2026"
    summary = replace(chat.last)
    chat.tap("✅ Send")
    assert chat.last.text == "Thank you! We have your answers."
    [(key, kept)] = chat.store.list("answers:5:").items()
    assert kept["answers"] == {"name": "Ana <3", "size": "Large <XL>", "day": "2026-12-24"}
    lines = "Name: Ana <3\nsize: Large <XL>\nday: 24/12/2026"
    assert chat.notifications == [("form_answered", {"person": "Ana", "answers": lines})]
    assert chat.state is None
    chat.tap_on(summary, "✅ Send")
    assert chat.notice == "This question is over."
    assert list(chat.store.list()) == [key]


def test_one_goes_back_question_by_question_and_changes_an_answer() -> None:
    chat = Chat(FormPlugin, ORDER)
    for text in ("/order", "Bia", "small"):
        chat.send(text)
    chat.tap("Skip ➡️")
    assert "• day: —" in chat.last.text
    for question in ("When?", "Which size?", "Who are you, Ana?"):
        chat.tap("⬅️ Back")
        assert (chat.last.text, chat.last.edited) == (question, True)
    for text in ("Ana", "LARGE <xl>", "2026-12-24"):
        chat.send(text)
    assert chat.last.text.endswith("• Name: Ana\n• size: Large <XL>\n• day: 24/12/2026")


def test_a_form_ends_by_its_button_and_by_the_command() -> None:
    chat = Chat(FormPlugin, ORDER, language="pt")
    chat.send("/order")
    chat.tap("✖️ Cancelar")
    assert (chat.last.text, chat.state) == ("Formulário cancelado.", None)
    chat.send("/order")
    chat.send("/cancel")
    assert (chat.last.text, chat.state) == ("Cancelado.", None)
    chat.tap("✖️ Cancelar")
    assert chat.notice == "Esta pergunta já passou."
    assert chat.store.list() == {}


def test_a_button_of_an_older_question_changes_nothing() -> None:
    chat = Chat(FormPlugin, ORDER)
    chat.send("/order")
    chat.send("Ana")
    older = chat.last
    chat.send("small")
    chat.tap_on(older, "Large <XL>")
    assert chat.notice == "This question is over."
    assert chat.data["answers"] == {"name": "Ana", "size": "Small"}


def test_a_form_without_summary_thanks_in_its_own_words_and_begins_again_at_the_first_question() -> None:
    chat = Chat(FormPlugin, PROFILE)
    for text in ("/form", "Ana"):
        chat.send(text)
    assert chat.texts == ["Name?", "Bye, Ana"]
    assert chat.notifications == []


def test_a_question_that_was_taken_out_meanwhile_is_asked_no_more() -> None:
    chat = Chat(FormPlugin, {"steps": [*ORDER["steps"]]})
    for text in ("/form", "Ana"):
        chat.send(text)
    chat.replace_plugins((FormPlugin, PROFILE))
    chat.send("Bia")
    assert chat.last.text == "Bye, Ana"


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        ("text", " hi ", "hi"),
        ("text", "", None),
        ("text", "x" * 1001, None),
        ("number", "42", 42),
        ("number", "4,5", 4.5),
        ("number", "-3", None),
        ("number", "1000", None),
        ("number", "nan", None),
        ("number", "inf", None),
        ("number", "1_0", None),
        ("email", "ana@example.com", "ana@example.com"),
        ("email", "ana@example", None),
        ("email", "a b@example.com", None),
        ("phone", "+55 (11) 91234-5678", "+5511912345678"),
        ("phone", "123", None),
        ("phone", "٠١٢٣٤٥٦٧٨", None),
        ("choice", "YES", "Yes"),
        ("choice", "maybe", None),
        ("date", "29/02/2028", "2028-02-29"),
        ("date", "29/02/2027", None),
    ],
)
def test_an_answer_is_of_its_kind(kind: str, given: str, kept: object) -> None:
    bounds: dict[str, dict[str, Any]] = {
        "choice": {"options": ["Yes"]},
        "number": {"minimum": 0, "maximum": 99},
    }
    extra = bounds.get(kind, {})
    step = FormStep.model_validate({"name": "x", "question": "?", "kind": kind, **extra})
    if kept is None:
        with pytest.raises(WrongAnswer):
            answer_in(step, given)
    else:
        assert answer_in(step, given) == kept


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [{"name": "a", "question": "?"}, {"name": "a", "question": "?"}],
        [{"name": "a", "question": "?", "kind": "choice"}],
        [{"name": "a", "question": "?", "options": ["x"]}],
        [{"name": "A B", "question": "?"}],
        [{"name": "a", "question": "<p>"}],
    ],
)
def test_a_form_that_cannot_be_asked_is_refused(steps: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError):
        Chat(FormPlugin, {"steps": steps})
