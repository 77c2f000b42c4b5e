"""Managed bots that belong to nobody here: administrators take one for an account, or let it go."""

from __future__ import annotations

from sqlalchemy import select

from models import Account, Bot, ManagedBot
from services.core.errors import Conflict, Forbidden, NotFound
from services.operations.managed.managing import not_managed
from services.operations.managed.registration import Outcome, all_waiting, register_waiting
from services.operations.manager.ensuring import manager_of
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform


def list_waiting(platform: Platform, caller: Principal) -> list[ManagedBot]:
    """The bots that belong to nobody, newest first, at most 200. Raises Forbidden `admins_only`."""
    _require_admin(caller)
    return all_waiting(platform)


def adopt(platform: Platform, caller: Principal, telegram_bot_id: int, email: str) -> Outcome:
    """Register a waiting bot for the account of that e-mail.

    Raises Forbidden, NotFound `managed_bot_not_found` or `account_not_found`, and as `register_waiting`.
    """
    row = _found(platform, caller, telegram_bot_id)
    manager = manager_of(platform)
    if manager is None or row.manager_telegram_id != manager.telegram_bot_id:
        raise not_managed()
    with platform.database.reading() as session:
        active = select(Account.id).where(Account.email == email.strip().lower(), Account.is_active)
        account_id = session.scalar(active)
    if account_id is None:
        raise NotFound("There is no account of this e-mail", code="account_not_found", field="email")
    outcome = register_waiting(platform, manager, row, Principal(account_id, caller.actor, ip=caller.ip))
    if outcome.bot is None:
        raise Conflict("Somebody has taken this bot meanwhile", code="bot_exists")
    with platform.database.transaction() as session:
        bot: Bot = outcome.bot
        audit(
            session,
            caller,
            "managed_bot_adopted",
            account_id=account_id,
            bot_id=bot.id,
            username=bot.username,
        )
    return outcome


def let_go(platform: Platform, caller: Principal, telegram_bot_id: int) -> None:
    """Show a waiting bot no more: it stays its maker's at Telegram. Raises Forbidden, NotFound `managed_bot_not_found`."""
    row = _found(platform, caller, telegram_bot_id)
    with platform.database.transaction() as session:
        known = session.get_one(ManagedBot, row.id, with_for_update=True)
        known.waits = False
        audit(session, caller, "managed_bot_let_go", username=known.username)


def _found(platform: Platform, caller: Principal, telegram_bot_id: int) -> ManagedBot:
    found = next(
        (row for row in list_waiting(platform, caller) if row.telegram_bot_id == telegram_bot_id), None
    )
    if found is None:
        raise NotFound("There is no such bot", code="managed_bot_not_found")
    return found


def _require_admin(caller: Principal) -> None:
    if not caller.is_admin:
        raise Forbidden("Only administrators see these bots", code="admins_only")
