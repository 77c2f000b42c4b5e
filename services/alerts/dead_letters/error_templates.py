"""Errors in the words of libraries and databases: which part of them names the cause, and which the values of one case."""

from __future__ import annotations

import re
import sysconfig
from typing import Final

from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

INSTALLED: Final = ("/site-packages/", "/dist-packages/")
STANDARD: Final = (sysconfig.get_path("stdlib"), "<frozen ")
# Of these a database quotes names of its own in double quotes, such as the constraint; of all others, what was given.
NAMING: Final = (IntegrityError, OperationalError, ProgrammingError)
VALUES: Final = re.compile(
    r"(?<!\w)'[^']*'(?!\w)|`[^`]*`|\b0x[0-9a-fA-F]+\b|\b(?=[a-f]*[0-9])[0-9a-f]{8,}\b|[0-9]+"
)
QUOTED: Final = re.compile(r'"[^"]*"')
LONGEST_TEMPLATE: Final = 200


def is_library(filename: str) -> bool:
    """Whether a frame's file belongs to an installed package or to Python, not to us or to a plugin."""
    return filename.startswith(STANDARD) or any(part in filename for part in INSTALLED)


def template_of(error: BaseException) -> str:
    """The first line of the error without values: the same for all failures of one cause.

    What a database adds below it (the statement, its parameters, an address to read on) is of one case.
    """
    line = next((line for line in str(error).splitlines() if line.strip()), "")
    names_kept = line if isinstance(error, NAMING) else QUOTED.sub("…", line)
    return VALUES.sub("…", names_kept).strip()[:LONGEST_TEMPLATE]
