"""Removing secrets from everything that people or machines may read later."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

# A bot token: <bot id>:<secret>, wider than Telegram's own form on purpose. Patterns meet texts of strangers, so each
# looks at a character a bounded number of times: a run of digits is entered at its beginning only, and of one that is
# too long for an id the secret behind it goes all the same.
TOKEN = re.compile(r"(?<![0-9])[0-9]{6,20}:[A-Za-z0-9_-]{24,}|(?<=[0-9]{6}):[A-Za-z0-9_-]{24,}")
# The colon comes first, which a search jumps to; with the look back before it, it would try at each character.
TOKEN_SECRET = re.compile(r":(?<=[0-9]{6}:)[A-Za-z0-9_-]{24}")
API_KEY = re.compile(r"flk_[A-Za-z0-9]{1,64}_[A-Za-z0-9_-]{16,}")
URL_PASSWORD = re.compile(r"(?<=://)([^\s:/@]{0,256}):[^\s/@]{1,1024}@")
SECRET_NAMES = re.compile(r"token|secret|password|authorization|cookie|api_key|encryption", re.IGNORECASE)
# A code of an authenticator app, or a recovery code, that somebody wrote and nothing else.
CODE = re.compile(r"[0-9]{3}[ -]?[0-9]{3}|(?:[A-Za-z2-7]{4}[ -]?){3}[A-Za-z2-7]{4}")
CODE_FIELDS = ("text", "code")  # of an update, and of what goes on with one
CODE_IN_JSON = re.compile(rf'"(?:{"|".join(CODE_FIELDS)})":"(?:{CODE.pattern})"')
HIDDEN = "[redacted]"
DEEPEST = 100  # levels of a value that are looked at; Telegram's objects have a dozen, Python's stack takes some hundred


def may_hold_token(text: str) -> bool:
    """Whether something in `text`, JSON or not, could be a bot token; cheap where nothing is."""
    return TOKEN_SECRET.search(text) is not None


def may_hold_code(dumped: str) -> bool:
    """Whether the text of a message in `dumped`, JSON without blanks, could be a code of two-step sign-in."""
    return CODE_IN_JSON.search(dumped) is not None


def redact_text(text: str) -> str:
    """`text` without bot tokens, API keys and passwords inside URLs."""
    # Each pattern has a sign that most texts lack: looking for it first makes this a tenth as dear.
    if may_hold_token(text):
        text = TOKEN.sub(HIDDEN, text)
    if "://" in text:
        text = URL_PASSWORD.sub(rf"\1:{HIDDEN}@", text)
    return API_KEY.sub(HIDDEN, text) if "flk_" in text else text


def redact(value: Any, depth: int = 0) -> Any:
    """`value` with every string inside it cleaned and every value under a secret's name hidden, or too deep to be looked at."""
    if isinstance(value, str):
        return redact_text(value)
    if depth > DEEPEST and isinstance(value, dict | list | tuple):
        return HIDDEN
    if isinstance(value, dict):
        return {
            redact(key, depth): HIDDEN
            if isinstance(key, str) and item and _hides(key, item)
            else redact(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact(item, depth + 1) for item in value]
    return value


def _hides(name: str, item: Any) -> bool:
    if name in CODE_FIELDS:
        return isinstance(item, str) and CODE.fullmatch(item) is not None
    return _is_secret(name)


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return SECRET_NAMES.search(name) is not None
