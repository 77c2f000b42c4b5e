"""Starting programs that end with the process which started them, however that ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
PARENT_DEATH: Final = Path(__file__).resolve().parents[2] / "launch" / "parent_death.py"


def tied_to_parent(command: Sequence[str], options: Sequence[str] = ()) -> list[str]:
    """The command line that starts `command` bound to its parent's life; `options` as launch/parent_death.py describes them."""
    return [sys.executable, "-I", "-S", str(PARENT_DEATH), *options, "--", *command]


def end_with_parent(parent: int, number: signal.Signals = signal.SIGTERM) -> None:
    """Have Linux send `number` to this process when `parent`, which forked it, ends, also by SIGKILL. Elsewhere nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:  # it was quicker
            os.kill(os.getpid(), number)
