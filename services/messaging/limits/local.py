"""Counting in this process alone, while Redis does not take the counts."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque

MAX_NAMES = 10_000  # the least recently used give way: about 10 MB at the usual limits


class LocalWindows:
    """Sliding windows in memory, one per name; each process counts for itself."""

    def __init__(self) -> None:
        self._used: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def use(self, name: str, limit: int, window: float, now: float) -> float:
        """Count one use; 0, or the seconds until the next is free when there were `limit` within `window` s."""
        with self._lock:
            used = self._used.setdefault(name, deque())
            self._used.move_to_end(name)
            if len(self._used) > MAX_NAMES:
                self._used.popitem(last=False)
            while used and used[0] <= now - window:
                used.popleft()
            if len(used) >= limit:
                return used[0] + window - now
            used.append(now)
            return 0.0
