"""`python -m tools.chaos --upgrade`, after its arguments were read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from tools.chaos.plan import Plan
from tools.chaos.upgrade.former import NoHistory, former_release, same_release, this_release
from tools.chaos.upgrade.run import Size, run, show

SAME = "same"  # a copy of this release instead of a former one


def upgrade(folder: Path, plan: Plan, size: Size, ref: str, say: Callable[[str], None]) -> int:
    """Upgrade from `ref` ("" for N-2, `same`); 0 when every invariant held, 1 when not, 2 when the history is not there."""
    code = folder / "former"
    try:
        former = same_release(code) if ref == SAME else former_release(code, ref)
    except NoHistory as error:
        print(f"no former release: {error}", file=sys.stderr)
        return 2
    data = folder / "data"
    data.mkdir(mode=0o755)
    invariants = run(data, plan, size, (former, this_release()), say)
    say(f"\n{show(invariants)}")
    return int(any(each.violations for each in invariants))
