"""Lua scripts, from the files in `lua/` beside this module.

The comment at a file's head names KEYS, ARGV and the answer. A line `-- include: name` stands for the text of
`lua/fragments/name.lua`, which defines one local function that several scripts call. A file that begins with `#!lua` is
refused by a Redis that is out of memory before it has written anything; those that free something do without.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError, RedisError

FOLDER = Path(__file__).parent / "lua"
INCLUDE = re.compile(r"^-- include: (\w+)$", re.MULTILINE)


class Script:
    """A script that is called with the client to run it by. Redis is sent its SHA, and its text if it does not know that."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, redis: Redis, keys: Collection[str], args: Collection[str | int | float]) -> Any:
        """Run it in one round trip, as one atomic step; its answer. Raises RedisError."""
        try:
            return redis.evalsha(self.sha, len(keys), *keys, *args)
        except NoScriptError:
            return redis.eval(self.text, len(keys), *keys, *args)

    def each(
        self, redis: Redis, calls: Sequence[tuple[Collection[str], Collection[str | int | float]]]
    ) -> list[Any]:
        """Run it for every (KEYS, ARGV) of `calls`, each a step of its own, in one round trip; the answers. Raises RedisError."""
        answers = self._sent(redis, calls)
        unknown = [place for place, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if unknown:  # to a server that was started a moment ago, perhaps by those before them
            redis.script_load(self.text)
            again = self._sent(redis, [calls[place] for place in unknown])
            for place, answer in zip(unknown, again, strict=True):
                answers[place] = answer
        for answer in answers:
            if isinstance(answer, RedisError):
                raise answer
        return answers

    def _sent(
        self, redis: Redis, calls: Sequence[tuple[Collection[str], Collection[str | int | float]]]
    ) -> list[Any]:
        with redis.pipeline(transaction=False) as pipe:
            for keys, args in calls:
                pipe.evalsha(self.sha, len(keys), *keys, *args)
            return pipe.execute(raise_on_error=False)


@cache
def load(name: str) -> Script:
    """The script in `lua/<name>.lua`, with the fragments that it includes. FileNotFoundError when one is missing."""
    text = (FOLDER / f"{name}.lua").read_text()
    return Script(INCLUDE.sub(lambda found: (FOLDER / "fragments" / f"{found[1]}.lua").read_text(), text))
