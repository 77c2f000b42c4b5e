"""The rows of a run as a table, for a terminal or in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from tools.attack.result import Row

HEAD = ("attack", "database", "sent", "must hold", "held", "figure")
WORDS = {True: "held", False: "DID NOT HOLD", None: "skipped"}


def holds(rows: Sequence[Row]) -> bool:
    """Whether something was attacked and nothing gave way."""
    return any(row.held for row in rows) and all(row.held is not False for row in rows)


def as_text(rows: Sequence[Row]) -> str:
    """For a terminal."""
    lines = []
    for row in rows:
        lines.append(f"{WORDS[row.held]:>12}  {row.attack} ({row.database}): {row.must_hold}")
        lines.append(f"{'':12}  sent {row.sent or '-'}; {row.figure or '-'}")
    return "\n".join([*lines, "", summary(rows)])


def as_markdown(rows: Sequence[Row]) -> str:
    """For a document."""
    cells = [(row.attack, row.database, row.sent, row.must_hold, WORDS[row.held], row.figure) for row in rows]
    lines = [HEAD, tuple("---" for _ in HEAD), *cells]
    return (
        "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)
        + f"\n\n{summary(rows)}"
    )


def summary(rows: Sequence[Row]) -> str:
    """How many rows held, did not, and were skipped."""
    counts = [(sum(row.held is held for row in rows), word) for held, word in WORDS.items()]
    return ", ".join(f"{count} {word}" for count, word in counts if count) or "nothing was attacked"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
