"""`flask secrets` as an administrator runs it, beside the installation."""

from __future__ import annotations

import signal
import threading
import time

import pytest
from click.testing import Result

from app import create_app
from models import Bot
from services.core.key_file import LOOK_SECONDS
from services.operations.keys.counting import count_sealed
from services.operations.keys.rotation import rotate
from services.platform.platform import Platform
from services.platform.redis import upkeep_keys
from tests.commands.running import start_flask
from tests.services.operations.keys.conftest import furnish, with_key_file

BOTS = 300


@pytest.fixture
def kept(platform: Platform) -> Platform:
    """An installation with keys in its key file and some bots."""
    kept = Platform(with_key_file(platform.settings))
    furnish(kept, BOTS)
    return kept


def test_a_rotation_under_traffic_from_beginning_to_end(kept: Platform) -> None:
    """Two vaults as of before open and seal tokens all the while; the process that re-seals is killed once, and gone on with."""
    runner = create_app(kept).test_cli_runner()

    def secrets(*arguments: str) -> Result:
        return runner.invoke(args=["secrets", *arguments])

    traffic = [Traffic(Platform(kept.settings), begin) for begin in (1, BOTS // 2)]
    for each in traffic:
        each.start()
    try:
        rotate(kept, adoption_seconds=2 * LOOK_SECONDS)
        killed = start_flask(kept.settings, "secrets", "reseal", REDIS_URL=kept.settings.redis_url)
        while killed.poll() is None and not kept.redis.exists(upkeep_keys.reseal_position()):
            time.sleep(0.002)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        assert sum(count.by_older for count in count_sealed(kept)) > 0
        gone_on = secrets("reseal")
        assert (gone_on.exit_code, gone_on.stderr) == (0, "")
    finally:
        for each in traffic:
            each.end()
    assert [each.error for each in traffic] == [None, None]
    assert min(each.rounds for each in traffic) > 20
    assert sum(count.by_older + count.lost for count in count_sealed(kept)) == 0
    refused = secrets("retire")
    assert (refused.exit_code, "--now" in refused.stderr) == (1, True)
    assert "Retired" in secrets("retire", "--now").stdout
    status = secrets("status").stdout
    (tokens,) = [line for line in status.splitlines() if "bots.sealed_token" in line]
    assert (status.count(" seals "), tokens.rpartition(" ")[2]) == (1, str(BOTS))


class Traffic(threading.Thread):
    """Replaces and reads tokens one after the other, as another process does, under keys as of its start."""

    def __init__(self, platform: Platform, first: int) -> None:
        super().__init__()
        self.platform, self.bot_id = platform, first
        self.error: Exception | None = None
        self.rounds = 0
        self._over = threading.Event()

    def run(self) -> None:
        try:
            while not self._over.wait(0.005):
                self._replace()
                self.rounds += 1
        except Exception as error:  # noqa: BLE001 - told at the end
            self.error = error

    def end(self) -> None:
        """Stop, and wait for it."""
        self._over.set()
        self.join()

    def _replace(self) -> None:
        vault, owner = self.platform.vault, f"bot:{self.bot_id}"
        with self.platform.database.transaction() as session:
            bot = session.get_one(Bot, self.bot_id)
            known = vault.unseal(bot.sealed_token, owner=owner)
            bot.sealed_token = vault.seal(f"{known}.", owner=owner)
        self.bot_id = self.bot_id % BOTS + 1


def test_with_keys_in_the_environment_the_steps_are_told_and_nothing_changes(platform: Platform) -> None:
    runner = create_app(platform).test_cli_runner()
    told = runner.invoke(args=["secrets", "rotate"])
    assert told.exit_code == 0
    assert "BEHIND" in told.stdout
    assert len(told.stdout.splitlines()[-1]) == 44
    assert "one key only" in runner.invoke(args=["secrets", "retire"]).stdout
    assert "the environment" in runner.invoke(args=["secrets", "status"]).stdout
