"""Starting programs that end with the process which started them, however that ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

PARENT_DEATH: Final = Path(__file__).resolve().parents[2] / "launch" / "parent_death.py"


def tied_to_parent(command: Sequence[str], options: Sequence[str] = ()) -> list[str]:
    """The command line that starts `command` bound to its parent's life; `options` as launch/parent_death.py describes them."""
    return [sys.executable, "-I", "-S", str(PARENT_DEATH), *options, "--", *command]
