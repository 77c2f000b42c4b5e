"""Who may say what is started on our machines: an admin anything, an owner what the admin has allowed (W1).

An image is allowed by a pattern of WORKER_IMAGES, in which `*` is any part of a name between two slashes. A command is allowed
word for word by an entry of WORKER_COMMANDS; after an entry that ends in `*` more words may follow, none of which can be an
option, a path, an assignment or anything that a shell would read.
"""

from __future__ import annotations

import re
import shlex
from typing import Final

from services.core.errors import Forbidden, InvalidInput
from services.core.i18n import Text
from services.core.worker_settings import WorkerSettings
from services.platform.accounts.principal import Principal

# A registry's host with a port, parts of a path, a tag, a digest; no more than the registries' own grammar lets through.
IMAGE: Final = re.compile(
    r"(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,5})?/)?"
    r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
FREE_WORD: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:+-]{0,99}")
ANY: Final = "*"


def check_code(settings: WorkerSettings, caller: Principal, command: str, image: str) -> None:
    """Raise Forbidden for a command or image that the caller may not name: `command_not_allowed` or `image_not_allowed`,
    `admin_only` where the installation allows owners none at all; InvalidInput for what is none.
    """
    if command and image:
        raise InvalidInput("Give worker_command or worker_image, not both", field="worker_command")
    if image and not IMAGE.fullmatch(image):
        raise InvalidInput("This is not the name of an image", code="image_invalid", field="worker_image")
    if command and not words_of(command):
        raise InvalidInput(
            "The command's quotes do not close", code="command_invalid", field="worker_command"
        )
    if caller.is_admin:
        return
    if image and not image_allowed(settings.worker_images, image):
        raise _refused("worker_image", "image_not_allowed", "WORKER_IMAGES", settings.worker_images)
    if command and not command_allowed(settings.worker_commands, command):
        raise _refused("worker_command", "command_not_allowed", "WORKER_COMMANDS", settings.worker_commands)


def image_allowed(patterns: tuple[str, ...], image: str) -> bool:
    """Whether a pattern fits the whole image, its tag and digest included."""
    return any(
        re.fullmatch("[^/]*".join(map(re.escape, pattern.split(ANY))), image) is not None
        for pattern in patterns
    )


def command_allowed(entries: tuple[str, ...], command: str) -> bool:
    """Whether the command is, word for word, an entry; or goes on from one that ends in `*` with words that mean nothing."""
    given = words_of(command) if command.isprintable() else []
    for entry in map(words_of, entries):
        known = entry[:-1] if entry[-1:] == [ANY] else entry
        rest = given[len(known) :] if given[: len(known)] == known else [""]
        if not rest or (known is not entry and all(map(FREE_WORD.fullmatch, rest))):
            return True
    return False


def words_of(command: str) -> list[str]:
    """The words as they are given to the program; none where a quote does not close."""
    try:
        return shlex.split(command)
    except ValueError:
        return []


def _refused(field: str, code: str, setting: str, allowed: tuple[str, ...]) -> Forbidden:
    if not allowed:
        return Forbidden(
            "worker_command and worker_image are code on our machines: only an admin may name them. "
            "Leave them out and run the program elsewhere with its worker token",
            code="admin_only",
            field=field,
        )
    return Forbidden(
        Text("{setting} allows owners only: {allowed}", setting=setting, allowed=", ".join(allowed)),
        code=code,
        field=field,
    )
