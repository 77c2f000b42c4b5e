"""What the tests of the commands begin with."""

from __future__ import annotations

import pytest

from models import (
    Account,
    Bot,
    Click,
    ClickRollup,
    DeadLetter,
    Experiment,
    ExperimentArm,
    Lead,
    PoolBot,
    PoolSlug,
    RedirectPool,
)
from services.core.times import utc_now
from services.platform.accounts.principal import Principal, audit
from services.platform.platform import Platform


@pytest.fixture
def furnished(platform: Platform) -> Platform:
    """The platform with a row in each table of a small installation that its first release had."""
    with platform.database.transaction() as session:
        account = Account(email="a@b.c", password_hash="x")
        session.add(account)
        session.flush()
        bot = Bot(
            account_id=account.id,
            public_id="bot_000000000001",
            telegram_bot_id=1,
            username="one_bot",
            sealed_token="sealed",
            mode="webhook",
            path_id="path",
        )
        pool = RedirectPool(account_id=account.id, name="Red", slug="red1")
        session.add_all([bot, pool])
        session.flush()
        session.add_all([PoolSlug(slug="red1", pool_id=pool.id), PoolBot(pool_id=pool.id, bot_id=bot.id)])
        session.add(Click(id="click0000001", at=utc_now(), account_id=account.id, pool_id=pool.id))
        session.add(ClickRollup(pool_id=pool.id, bot_id=bot.id, hour=utc_now(), clicks=1))
        session.add(Lead(account_id=account.id, bot_id=bot.id, telegram_id=5, first_name="Ana"))
        session.add(_letter(account, bot))
        experiment = Experiment(account_id=account.id, pool_id=pool.id, name="split")
        session.add(experiment)
        session.flush()
        session.add(ExperimentArm(experiment_id=experiment.id, pool_id=pool.id, percent=100))
        audit(session, Principal(account.id, "command"), "pool_created", pool_id=pool.id, name="Ação")
    return platform


def _letter(account: Account, bot: Bot) -> DeadLetter:
    return DeadLetter(
        account_id=account.id,
        bot_id=bot.id,
        kind="update",
        source_id="update:1:1",
        error_id="E1",
        error="failed",
        fingerprint="f" * 32,
    )
