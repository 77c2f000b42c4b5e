"""Bodies and places of the API of access lists."""

from __future__ import annotations

from pydantic import Field

from blueprints.api.body import Body
from models import AccessList
from services.core.errors import InvalidInput, NotFound
from services.core.identifiers import LARGEST_ID, parsed_id
from services.core.moments import NamedMoment
from services.fleet.bots.access import LONGEST_MESSAGE, LONGEST_NOTE, MOST_ENTRIES, AccessChange
from services.fleet.bots.access_rules import AccessEntry


class EntryBody(Body):
    """PUT /bots/{id}/access/{list}/{telegram_id}. `until` null means for good."""

    until: NamedMoment | None = None
    note: str = Field("", max_length=LONGEST_NOTE)


class ListedBody(EntryBody):
    """Somebody on a list: a person, or the negative id of a chat that people write as."""

    telegram_id: int = Field(ge=-LARGEST_ID, le=LARGEST_ID)

    def entry(self) -> AccessEntry:
        """The same for the services."""
        return AccessEntry(self.telegram_id, self.until, self.note)


class AccessBody(Body):
    """PUT /bots/{id}/access: what is left out stays, a list that is given is replaced whole."""

    allowed_users: list[ListedBody] | None = Field(
        None, max_length=MOST_ENTRIES, description="[] answers everybody"
    )
    blocked_users: list[ListedBody] | None = Field(None, max_length=MOST_ENTRIES)
    admin_users: list[ListedBody] | None = Field(None, max_length=MOST_ENTRIES)
    maintenance: bool | None = None
    maintenance_message: str | None = Field(None, max_length=LONGEST_MESSAGE)
    captcha: bool | None = None

    def change(self) -> AccessChange:
        """The same for the services."""
        return AccessChange(
            _entries(self.allowed_users),
            _entries(self.blocked_users),
            _entries(self.admin_users),
            self.maintenance,
            self.maintenance_message,
            self.captcha,
        )


def checked_place(list_name: str, telegram_id: str) -> tuple[AccessList, int]:
    """The list and the person out of a path.

    Raises NotFound `list_not_found` for another list, InvalidInput `telegram_id_invalid` for what is no id.
    """
    if list_name not in set(AccessList):
        raise NotFound("The lists are allowed, blocked and admin", code="list_not_found")
    number = parsed_id(telegram_id.removeprefix("-"))
    if number is None:
        raise InvalidInput(
            "A Telegram id is a whole number, such as 123456789",
            code="telegram_id_invalid",
            field="telegram_id",
        )
    return AccessList(list_name), -number if telegram_id.startswith("-") else number


def _entries(listed: list[ListedBody] | None) -> list[AccessEntry] | None:
    return None if listed is None else [each.entry() for each in listed]
