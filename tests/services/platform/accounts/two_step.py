"""An account with an authenticator app, and what the app shows."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from models import Account, SecondFactor
from services.core.times import utc_now
from services.platform.accounts.accounts import command_principal
from services.platform.accounts.enrolment import begin_enrolment, enable, two_step_of
from services.platform.accounts.second_factor import unsealed
from services.platform.accounts.totp import STEP_SECONDS, code_at
from services.platform.platform import Platform


def set_up(platform: Platform, account: Account) -> list[str]:
    """Turn two-step sign-in on; the recovery codes."""
    caller = command_principal(account)
    begin_enrolment(platform, caller)
    return enable(platform, caller, 0, code_at(two_step_of(platform, caller).secret, utc_now()))


def app_code(platform: Platform, account: Account, *, steps: int = 0) -> str:
    """What the app shows, its clock `steps` of 30 s ahead of ours."""
    with platform.database.reading() as session:
        secret = unsealed(platform.vault, session.get_one(SecondFactor, account.id))
    return code_at(secret, utc_now() + timedelta(seconds=STEP_SECONDS * steps))


def wait_for_the_next_code(platform: Platform) -> None:
    """As if so long had passed that no code taken before is near the present one."""
    with platform.database.transaction() as session:
        session.execute(update(SecondFactor).values(last_step=0))
