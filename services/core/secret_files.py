"""Secrets that lie in files: for each variable NAME that may hold one, NAME_FILE names a file that does.

Docker, Kubernetes and systemd hand secrets out as files, which no list of processes and no dump of an environment shows.
What may hold a secret is known by its type, so that none can be forgotten. A message names the variable alone: neither what
the file holds nor where it lies, for somebody may have put the secret itself there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from services.core.setting_types import CONFIDENTIAL

SUFFIX = "_FILE"
LONGEST = 64 * 2**10  # bytes; a list of keys and an address with options are far below


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting may hold a secret: a SecretStr, some of them, or an address with a password in it."""
    return CONFIDENTIAL in field.metadata or _holds_secret_text(field.annotation)


def file_names(names: Iterable[str]) -> tuple[str, ...]:
    """The variables that name files for the variables `names`."""
    return tuple(f"{name}{SUFFIX}" for name in names)


def is_given(environ: Mapping[str, str], name: str) -> bool:
    """Whether the variable `name` is set, or the one that names its file."""
    return any(environ.get(each) for each in (name, *file_names([name])))


def read_secret_files(
    environ: Mapping[str, str], secrets: Iterable[tuple[str, ...]]
) -> tuple[dict[str, str], list[str]]:
    """What the named files hold, by variable, and what is wrong, in lines "NAME_FILE: reason".

    `secrets` are the names of each secret setting. Empty variables count as not set.
    """
    found: dict[str, str] = {}
    wrong: list[str] = []
    for names in secrets:
        named = [name for name in names if environ.get(f"{name}{SUFFIX}")]
        given = [name for name in names if environ.get(name)] + list(file_names(named))
        if named and len(given) > 1:
            wrong.append(f"{given[-1]}: give one of {' and '.join(given)}, not both")
            continue
        for name in named:
            try:
                found[name] = _content(Path(environ[f"{name}{SUFFIX}"]))
            except ValueError as error:
                wrong.append(f"{name}{SUFFIX}: {error}")
    return found, wrong


def _content(path: Path) -> str:
    """The text of a file without the line end that editors and `echo` leave. Raises ValueError saying what to do."""
    try:
        with path.open("rb") as file:
            data = file.read(LONGEST + 1)
    except OSError as error:
        raise ValueError(
            f"the file it names cannot be read ({error.strerror}); name one that exists and let this user read it"
        ) from None
    if len(data) > LONGEST:
        raise ValueError(f"the file it names is larger than {LONGEST} bytes; that is no secret")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ValueError("the file it names is no text (UTF-8); write the secret there as text") from None
    text = text.rstrip("\r\n")
    if not text.strip() or "\0" in text:
        raise ValueError("the file it names is empty; write the secret there")
    return text


def _holds_secret_text(annotation: Any) -> bool:
    return annotation is SecretStr or any(map(_holds_secret_text, get_args(annotation)))
