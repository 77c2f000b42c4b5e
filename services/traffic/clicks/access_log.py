"""The separate access log: the only place where addresses are kept, off unless ACCESS_LOG is on.

One file of JSON lines per web process and UTC day in DATA_DIR/access. A click only puts a tuple into memory; a thread
writes once a second. A killed process loses that second: nothing is counted from this log.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from services.core.times import from_epoch, iso

logger = logging.getLogger(__name__)
WRITE_SECONDS: Final = 1.0
LONGEST_QUEUE: Final = 50_000  # lines kept in memory while the disk does not take them; then the oldest go
LONGEST_TEXT: Final = 512
Line = tuple[float, str, str, str, str, str, str]


class AccessLog:
    """Writes the access log of one process; `start` once. Files older than `days` are deleted by its thread."""

    def __init__(self, folder: Path, days: int, *, enabled: bool) -> None:
        self.enabled = enabled
        self._folder = folder
        self._days = days
        self._lines: deque[Line] = deque(maxlen=LONGEST_QUEUE)
        self._stopped = threading.Event()
        self._cleaned: date | None = None

    def note(self, at: float, slug: str, click_id: str, kind: str, environ: Mapping[str, Any]) -> None:
        """Remember one request to `/go`, with address, agent and referrer; costs no I/O."""
        self._lines.append(
            (
                at,
                slug,
                click_id,
                kind,
                str(environ.get("REMOTE_ADDR") or ""),
                environ.get("HTTP_USER_AGENT", ""),
                environ.get("HTTP_REFERER", ""),
            )
        )

    def start(self) -> None:
        """Write and clean up from now on, in a thread of its own; also when off, for what is there from before."""
        threading.Thread(target=self._write_for_ever, daemon=True, name="access-log").start()

    def stop(self) -> None:
        """End the thread; what is in memory is written."""
        self._stopped.set()
        self.write()

    def write(self) -> None:
        """Write what is in memory, then delete old files once a day. Logs, never raises, when the disk refuses."""
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        try:
            for day in sorted({from_epoch(line[0]).date() for line in lines}):
                self._append(day, [line for line in lines if from_epoch(line[0]).date() == day])
            today = datetime.now(UTC).date()
            if self._cleaned != today:
                self._cleaned = today
                delete_old(self._folder, today - timedelta(days=self._days))
        except OSError:
            logger.exception("the access log could not be written")

    def _append(self, day: date, lines: Iterable[Line]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = "".join(map(_text, lines))
        path = self._folder / f"{day.isoformat()}.{os.getpid()}.jsonl"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)

    def _write_for_ever(self) -> None:
        while not self._stopped.is_set():
            self.write()
            self._stopped.wait(WRITE_SECONDS)


def access_folder(data_dir: Path) -> Path:
    """Where this machine's files lie."""
    return data_dir / "access"


def log_files(folder: Path) -> list[Path]:
    """The files of the log, the oldest day first; each name begins with its day."""
    return sorted(folder.glob("????-??-??.*.jsonl"))


def delete_old(folder: Path, before: date) -> int:
    """Delete the files of days before `before`; how many. Raises OSError."""
    old = [path for path in log_files(folder) if path.name[:10] < before.isoformat()]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _text(line: Line) -> str:
    at, slug, click_id, kind, address, agent, referrer = line
    entry = {
        "at": iso(from_epoch(at)),
        "slug": slug,
        "click_id": click_id,
        "outcome": kind,
        "ip": address,
        "agent": agent[:LONGEST_TEXT],
        "referrer": referrer[:LONGEST_TEXT],
    }
    return json.dumps(entry, separators=(",", ":")) + "\n"
