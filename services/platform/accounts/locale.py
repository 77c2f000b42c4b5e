"""The language an account reads."""

from __future__ import annotations

from models import Account
from services.core.errors import InvalidInput
from services.core.i18n import LOCALES, Text
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform


def choose_locale(platform: Platform, caller: Principal, locale: str) -> None:
    """Keep `locale` as the caller's language. Raises InvalidInput for one there are no texts in."""
    if locale not in LOCALES:
        raise InvalidInput(
            Text("Choose one of: {choices}", choices=", ".join(LOCALES)),
            code="locale_unknown",
            field="locale",
        )
    with platform.database.transaction() as session:
        account = session.get(Account, caller.account_id)
        if account is not None:
            account.locale = locale
