"""Names, ids and tokens: their patterns at Telegram and how the sandbox makes its own."""

from __future__ import annotations

import random
import re
import string

TOKEN_PATTERN = re.compile(r"\d{1,20}:[A-Za-z0-9_-]{24,}")
"""``<id>:<24 or more base64url characters>``; anything else is 404, not 401."""
USERNAME_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9_]{4,31}")
PAYLOAD_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""A start payload (Telegram's deep-linking page)."""

FIRST_NAMES = (
    "Ana",
    "Bruno",
    "Camila",
    "Diego",
    "Elisa",
    "Felipe",
    "Gabriela",
    "Heitor",
    "Isabela",
    "João",
    "Karina",
    "Lucas",
    "Marina",
    "Nuno",
    "Olívia",
    "Pedro",
    "Rafaela",
    "Sofia",
    "Tiago",
    "Valentina",
)
BOT_NAMES = (
    "aurora",
    "bravo",
    "cometa",
    "delta",
    "estrela",
    "farol",
    "galeao",
    "horizonte",
    "ilha",
    "jangada",
    "kiwi",
    "lume",
    "mare",
    "norte",
    "onda",
    "porto",
    "quilha",
    "regata",
    "sereia",
    "trinquete",
)
_TOKEN_ALPHABET = string.ascii_letters + string.digits + "_-"


def make_token(bot_id: int, rng: random.Random) -> str:
    """A token of Telegram's form: the id, a colon and 35 base64url characters."""
    secret = "".join(rng.choices(_TOKEN_ALPHABET, k=35))
    return f"{bot_id}:{secret}"


def make_bot_name(index: int) -> tuple[str, str]:
    """``(username, first name)`` of the bot with this zero-based number."""
    word = BOT_NAMES[index % len(BOT_NAMES)]
    turn = index // len(BOT_NAMES)
    suffix = "" if turn == 0 else str(turn + 1)
    return f"{word}{suffix}_sandbox_bot", f"{word.capitalize()} {suffix}".strip()
