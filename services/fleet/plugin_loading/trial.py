"""A version is imported in a process of its own before it is imported here.

Code that hangs, calls `os._exit` or breaks the interpreter does so there: this process goes on serving and hears what came of
it.
"""

from __future__ import annotations

import base64
from pathlib import Path

from services.fleet.plugin_loading.side_process import SideProcess
from services.fleet.plugin_loading.versions import LoadFailed, Problem, hash_of

IMPORT_SECONDS = 5.0  # an import that takes longer is given up; large libraries take one or two
ENDED = "the process in which it was tried ended"


class Trial(SideProcess):
    """Tries versions one after the other."""

    def __init__(self, seconds: float = IMPORT_SECONDS) -> None:
        super().__init__("services.fleet.plugin_loading.trial_process", seconds)
        self.seconds = seconds

    def run(self, file: Path, source: bytes) -> None:
        """Raise LoadFailed unless the version can be imported within the bound."""
        answer = self.ask({"file": str(file), "source": base64.b64encode(source).decode()})
        if answer is None:
            raise LoadFailed(Problem(file.name, hash_of(source), "plugin_broken", ENDED))
        if answer:
            raise LoadFailed(Problem(**answer))
