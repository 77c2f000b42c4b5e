"""Bots' files with a mistake, as people make them: for the test of reading, and for its figures."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

TOP_KEY: Final = re.compile(r"^[a-z_]+(?=:)", re.MULTILINE)
ANY_KEY: Final = re.compile(r"[a-z_]+(?=:)")
WORDS: Final = ("on", "no", "0123", "1:30", "0x1F", "yes", "1_000")


@dataclass(frozen=True)
class Mutation:
    """A changed file, and whether it can only be refused: then taking it would be applying it wrongly."""

    what: str
    data: bytes
    is_wrong: bool


def mutated(text: str, chance: random.Random) -> Mutation:
    """One of the mistakes, at a place of chance."""
    name, change, is_wrong = chance.choice(MISTAKES)
    changed = change(text, chance)
    return Mutation(name, changed, is_wrong and changed != text.encode())


def _key_misspelt(text: str, chance: random.Random) -> bytes:
    found = chance.choice(list(ANY_KEY.finditer(text)))
    at = chance.randrange(found.start(), found.end())
    return (text[:at] + "x" + text[at:]).encode()


def _key_twice(text: str, chance: random.Random) -> bytes:
    key = chance.choice(TOP_KEY.findall(text))
    return f"{text}{key}: 1\n".encode()


def _tab(text: str, chance: random.Random) -> bytes:
    lines = text.splitlines(keepends=True)
    at = chance.choice([number for number, line in enumerate(lines) if line.startswith("  ")])
    lines[at] = "\t" + lines[at].lstrip()
    return "".join(lines).encode()


def _ambiguous(text: str, chance: random.Random) -> bytes:
    found = chance.choice(list(re.finditer(r'"[^"\n]*"|true', text)))
    return (text[: found.start()] + chance.choice(WORDS) + text[found.end() :]).encode()


def _unknown_key(text: str, chance: random.Random) -> bytes:
    return f"{text}{chance.choice(('plugin', 'tokens', 'webhok', 'x'))}: 1\n".encode()


def _missing_variable(text: str, chance: random.Random) -> bytes:
    return re.sub(r"\$\{[A-Z_]+\}", f"${{NO_SUCH_{chance.randrange(99)}}}", text, count=1).encode()


def _our_secret(text: str, chance: random.Random) -> bytes:
    name = chance.choice(
        ("SECRET_KEY", "ENCRYPTION_KEY", "DATABASE_URL", "DB_URL", "REDIS_URL", "SMTP_URL", "METRICS_TOKEN")
    )
    return re.sub(r"\$\{[A-Z_]+\}", f"${{{name}}}", text, count=1).encode()


def _required_gone(text: str, chance: random.Random) -> bytes:
    key = chance.choice(("id", "name", "token"))
    return re.sub(rf"^{key}:.*\n", "", text, count=1, flags=re.MULTILINE).encode()


def _other_type(text: str, chance: random.Random) -> bytes:
    key = chance.choice(("id", "name", "token", "plugins", "access", "settings", "mode"))
    value = chance.choice(("17", "true", "2.5", "[1]", "null"))
    changed = re.sub(rf"^{key}:.*\n(?:[ ].*\n)*", f"{key}: {value}\n", text, count=1, flags=re.MULTILINE)
    is_free = (key, value) == ("mode", "null")  # the default, said aloud
    return (text if is_free else changed).encode()


def _anchor(text: str, chance: random.Random) -> bytes:
    found = chance.choice(list(re.finditer(r": (?=\S)", text)))
    return (text[: found.end()] + chance.choice(("&a ", "!x ")) + text[found.end() :]).encode()


def _cut(text: str, chance: random.Random) -> bytes:
    return text.encode()[: chance.randrange(len(text))]


def _byte(text: str, chance: random.Random) -> bytes:
    data = bytearray(text.encode())
    data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def _line_moved(text: str, chance: random.Random) -> bytes:
    lines = text.splitlines(keepends=True)
    lines.insert(chance.randrange(len(lines)), lines.pop(chance.randrange(len(lines))))
    return "".join(lines).encode()


Mistake = Callable[[str, random.Random], bytes]
# Whether what comes out can only be refused; bytes, cuts and moved lines may leave a file that says something else rightly.
MISTAKES: Final[tuple[tuple[str, Mistake, bool], ...]] = (
    ("a key misspelt", _key_misspelt, True),
    ("a key twice", _key_twice, True),
    ("a tab", _tab, True),
    ("a word that YAML 1.1 reads otherwise", _ambiguous, True),
    ("an unknown key", _unknown_key, True),
    ("a missing variable", _missing_variable, True),
    ("a secret of ours", _our_secret, True),
    ("a required key gone", _required_gone, True),
    ("a value of another type", _other_type, True),
    ("an anchor or a tag", _anchor, True),
    ("cut off", _cut, False),
    ("a byte changed", _byte, False),
    ("a line moved", _line_moved, False),
)
