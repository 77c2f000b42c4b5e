"""The owner's words for bots, such as a campaign or a country, by which many are found and handled at once. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from services.core.errors import InvalidInput
from services.core.i18n import Text

MOST_TAGS: Final = 10  # of one bot; a row of the list shows them all
LONGEST_TAG: Final = 30  # characters


def checked_tags(tags: Iterable[str]) -> list[str]:
    """The tags in lower case, sorted, each once; InvalidInput for an empty or a long one, or too many."""
    found = sorted({" ".join(tag.lower().split()) for tag in tags})
    if any(not tag or len(tag) > LONGEST_TAG or not tag.isprintable() for tag in found):
        raise InvalidInput(
            Text("A tag has 1 to {most} characters", most=LONGEST_TAG), code="tag_invalid", field="tags"
        )
    if len(found) > MOST_TAGS:
        raise InvalidInput(
            Text("A bot has at most {most} tags", most=MOST_TAGS), code="tags_too_many", field="tags"
        )
    return found
