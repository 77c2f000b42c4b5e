"""Bots come and go: the oldest one is deleted and a new one put in its place, as after a ban."""

from __future__ import annotations

from collections import deque

from services.fleet.bots.registry import delete_bot
from tools.soak.installation import Installation, new_bot


class Replacing:
    """Replaces bots of all links by turns."""

    def __init__(self, place: Installation) -> None:
        self._place = place
        by_link = [[each for each in place.members if each.slug == slug] for slug in place.slugs]
        self._links = deque(deque(members) for members in by_link)

    def once(self) -> int:
        """Replace one; 1."""
        place, members = self._place, self._links[0]
        self._links.rotate()
        former = members.popleft()
        delete_bot(place.platform, place.caller, former.bot_id)
        members.append(
            new_bot(place.platform, place.caller, place.telegram, former.slug, former.pool_id, former.mode)
        )
        return 1
