"""`python -m tools.attack`: attack installations of its own over their sockets, print what held, exit 1 when something did not."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from tools import interrupts
from tools.attack.attacks import ATTACKS
from tools.attack.report import as_markdown, as_text, holds
from tools.attack.result import FULL, POSTGRESQL, SHORT, SQLITE, Attack, Row
from tools.attack.run import run, run_short

LONGEST_SECONDS = 45 * 60  # a run that hangs ends itself


def main(arguments: list[str]) -> int:
    """Run; 0 when everything held, 1 when not, 130 on Ctrl-C, 2 when no attack has such a name."""
    options = _parse(arguments)
    chosen = [attack for attack in ATTACKS if options.only in attack.name]
    if not chosen:
        print(f"no such attack; there are: {', '.join(attack.name for attack in ATTACKS)}", file=sys.stderr)
        return 2
    return interrupts.run(lambda: _attack(options, chosen), "the table is not the whole", signal.SIGALRM)


def _attack(options: argparse.Namespace, chosen: list[Attack]) -> int:
    signal.alarm(LONGEST_SECONDS)
    rows: list[Row] = []
    try:
        with interrupts.work_folder(options.keep, "attack") as folder:
            rows.extend(
                run_short(folder, chosen, SHORT, _say)
                if options.short
                else run(folder, chosen, options.database or [SQLITE, POSTGRESQL], FULL, _say)
            )
    finally:
        print((as_markdown if options.markdown else as_text)(rows))
    return 0 if holds(rows) else 1


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.attack", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a small form of each, about two minutes")
    parser.add_argument("--only", default="", metavar="NAME", help="attacks whose name holds this")
    parser.add_argument(
        "--database", action="append", choices=(SQLITE, POSTGRESQL), help="one alone, not both"
    )
    parser.add_argument("--markdown", action="store_true", help="print the table in Markdown")
    parser.add_argument(
        "--keep", type=Path, help="work in this folder and leave it, with the processes' logs"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
