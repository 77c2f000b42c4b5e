"""Refusals of Telegram and lines without a place are as many causes as there are faults, however much people write."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from models import DeadLetter
from services.alerts.dead_letters.store import store
from services.core.errors import Rejected
from services.messaging.outbox.message_letters import refusal_cause
from services.platform.platform import Platform

PARSING = "Bad Request: can't parse entities: Unsupported start tag"
BUTTON = "Bad Request: inline keyboard button URL"


def causes(platform: Platform, *causes: tuple[str, str]) -> int:
    """How many different causes letters with (where, error) have."""
    with platform.database.transaction() as session:
        for number, (where, error) in enumerate(causes):
            store(session, kind="send", source_id=f"send:{number}", error=error, where=where)
    with platform.database.reading() as session:
        return len(set(session.scalars(select(DeadLetter.fingerprint))))


@pytest.mark.parametrize(
    "refusals",
    [
        [
            f'{PARSING} "{words}" at byte offset {n}'
            for n, words in enumerate(("b1g", 'x"y', "ção", "a: b", "'"))
        ],
        [f"{BUTTON} '{url}' is invalid: Wrong HTTP URL" for url in ("htp://x", "it's", "//")],
        [f"Bad Request: chat {n} not found" for n in (1, 22)],
    ],
    ids=["tags", "addresses", "numbers"],
)
def test_people_s_words_make_no_new_cause(platform: Platform, refusals: list[str]) -> None:
    assert (
        causes(platform, *((refusal_cause(Rejected(words, error_code=400)), "x") for words in refusals)) == 1
    )


def test_faults_with_other_words_of_telegram_s_are_other_causes(platform: Platform) -> None:
    refusals = [
        Rejected(PARSING, error_code=400),
        Rejected(BUTTON, error_code=400),
        Rejected("Bad Request: can't parse entities: Can't find end of the entity", error_code=400),
        Rejected("Forbidden: bot was blocked by the user", error_code=403),
        Rejected("Forbidden: bot can't initiate conversation with a user", error_code=403),
    ]
    assert causes(platform, *((refusal_cause(refusal), "x") for refusal in refusals)) == len(refusals)


def test_without_a_place_the_last_line_tells_and_not_what_is_quoted_before_it(platform: Platform) -> None:
    head = 'Traceback (most recent call last):\n  File "a.py", line 3, in f\n    '
    texts = [
        f"{head}{call}\n{last}" for call in ("f(1)", "g()") for last in ("ValueError: no", "KeyError: 5")
    ]
    assert causes(platform, *(("", text) for text in texts)) == 2
