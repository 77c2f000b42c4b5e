"""Names: the one that people see, which came from a stranger, and the one on disk, which is ours."""

from __future__ import annotations

import re
import secrets
import unicodedata
from typing import Final

LONGEST_NAME: Final = 100
RUNNABLE: Final = frozenset(
    [
        "action",
        "apk",
        "app",
        "appimage",
        "bat",
        "bin",
        "class",
        "cmd",
        "com",
        "command",
        "cpl",
        "crx",
        "csh",
        "deb",
        "dll",
        "dmg",
        "docm",
        "dotm",
        "exe",
        "fish",
        "gadget",
        "hta",
        "htm",
        "html",
        "htaccess",
        "inf",
        "iso",
        "jar",
        "js",
        "jse",
        "ksh",
        "lnk",
        "mht",
        "mhtml",
        "mjs",
        "msc",
        "msh",
        "msi",
        "msp",
        "phar",
        "php",
        "php5",
        "phtml",
        "pif",
        "pl",
        "potm",
        "ppam",
        "ppsm",
        "pptm",
        "ps1",
        "psm1",
        "py",
        "pyc",
        "pyw",
        "rb",
        "reg",
        "rpm",
        "run",
        "scf",
        "scr",
        "sh",
        "shtml",
        "sldm",
        "svg",
        "svgz",
        "swf",
        "url",
        "vb",
        "vbe",
        "vbs",
        "wasm",
        "ws",
        "wsf",
        "wsh",
        "xhtml",
        "xlam",
        "xlsm",
        "xltm",
        "xpi",
        "zsh",
    ]
)
STORED: Final = re.compile(r"[0-9a-f]{32}")


def shown_name(name: str, kind: str) -> str:
    """What may be shown of a sender's file name: its last part, without what cannot be seen; `kind` where nothing is left."""
    last = re.split(r"[/\\]", name)[-1]
    seen = "".join(letter for letter in last if unicodedata.category(letter)[0] != "C")
    stem, dot, extension = seen.strip(" .").rpartition(".")
    if not dot or len(extension) > 10:
        return seen.strip(" .")[:LONGEST_NAME] or kind
    return f"{stem[: LONGEST_NAME - 1 - len(extension)]}.{extension}"


def is_runnable(name: str) -> bool:
    """Whether some system would run a file of this name."""
    return name.rstrip(" .").rpartition(".")[2].lower() in RUNNABLE


def new_stored_name() -> str:
    """A name that nobody can guess and that says nothing."""
    return secrets.token_hex(16)
