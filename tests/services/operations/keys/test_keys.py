"""Replacing encryption keys: what a running process takes, what is sealed anew, what is refused."""

from __future__ import annotations

import json
import stat
import time
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from models import Base, Bot
from services.core.encryption import Vault, fingerprint, new_key
from services.core.errors import Conflict
from services.core.key_file import change_keys, key_times
from services.core.times import iso, utc_now
from services.fleet.bots.webhook_secret import is_webhook_secret, webhook_secret
from services.operations.keys import resealing
from services.operations.keys.ages import key_ages
from services.operations.keys.counting import count_sealed
from services.operations.keys.resealing import reseal
from services.operations.keys.rotation import longest_life, retire, rotate
from services.operations.keys.sealed_columns import SEALED_COLUMNS
from services.platform.platform import Platform
from services.platform.redis import keys as redis_keys
from tests.services.operations.keys.conftest import furnish, with_key_file


def test_no_sealed_column_is_forgotten() -> None:
    there = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.name.startswith("sealed_")
    }
    assert there == {column.name for column in SEALED_COLUMNS}


@pytest.mark.data
def test_everything_is_sealed_anew_and_opens_for_its_owner_alone(kept: Platform) -> None:
    before = kept.vault.fingerprints
    assert rotate(kept, adoption_seconds=0) != before[0]
    assert {count.column.name for count in count_sealed(kept) if count.by_older} == {
        column.name for column in SEALED_COLUMNS
    }
    looked = reseal(kept, dry_run=True)
    assert (looked.seen, looked.resealed, looked.lost) == (len(SEALED_COLUMNS), len(SEALED_COLUMNS), 0)
    assert reseal(kept).resealed == len(SEALED_COLUMNS)
    assert reseal(kept).resealed == 0
    assert [count.by_older for count in count_sealed(kept)] == [0] * len(SEALED_COLUMNS)
    with kept.database.reading() as session:
        bot = session.scalars(select(Bot)).one()
    assert kept.vault.unseal(bot.sealed_token, owner=f"bot:{bot.id}") == f"token {bot.id}"


def test_a_running_process_takes_a_new_key_without_a_restart(kept: Platform) -> None:
    elsewhere = Platform(kept.settings)  # as it was started
    elsewhere.vault.seal("x", owner="o")  # has just looked
    rotate(kept, adoption_seconds=0)
    sealed = kept.vault.seal("secret", owner="o")
    assert elsewhere.vault.unseal(sealed, owner="o") == "secret"
    time.sleep(1.05)
    assert kept.vault.sealed_by(elsewhere.vault.seal("x", owner="o")) == 0


def test_the_key_file_stays_private_and_whole(kept: Platform) -> None:
    path = kept.settings.keys_file
    secret = json.loads(path.read_text())["secret_key"]
    name = rotate(kept, adoption_seconds=0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["secret_key"] == secret
    assert key_times(path)[name][1] is not None
    assert [item.name for item in path.parent.glob(".keys.json.*")] == [".keys.json.lock"]


def test_a_rotation_that_was_killed_in_between_is_gone_on_with(kept: Platform) -> None:
    waiting = new_key()
    change_keys(kept.settings.keys_file, lambda listed: [*listed, waiting])
    again = Platform(with_key_file(kept.settings))
    with pytest.raises(Conflict, match="does not seal yet"):
        retire(again, now=True)
    assert rotate(again, adoption_seconds=0) == fingerprint(waiting)
    assert len(key_ages(again)) == 2


def test_a_file_of_an_earlier_release_has_its_own_time(kept: Platform) -> None:
    path = kept.settings.keys_file
    content = json.loads(path.read_text())
    path.write_text(json.dumps({name: content[name] for name in ("secret_key", "encryption_keys")}))
    (age,) = key_ages(kept)
    assert age.leading_since is not None
    assert age.days < 1
    rotate(kept, adoption_seconds=0)
    assert [known.leading_since is not None for known in key_ages(kept)] == [True, True]


def test_old_webhook_secrets_are_taken_until_their_key_is_retired(kept: Platform) -> None:
    old = webhook_secret(kept.vault, "path")
    rotate(kept, adoption_seconds=0)
    fresh = webhook_secret(kept.vault, "path")
    assert fresh != old
    assert is_webhook_secret(kept.vault, "path", old)
    reseal(kept)
    retire(kept, now=True)
    kept.vault.look()
    assert not is_webhook_secret(kept.vault, "path", old)
    assert is_webhook_secret(kept.vault, "path", fresh)


def test_a_key_is_retired_when_nothing_needs_it(kept: Platform) -> None:
    rotate(kept, adoption_seconds=0)
    with pytest.raises(Conflict, match=r"bots\.sealed_token: 1") as refused:
        retire(kept, now=True)
    assert refused.value.code == "keys_in_use"
    reseal(kept)
    with pytest.raises(Conflict, match="Buttons and conversations"):
        retire(kept)
    _lead_since(kept, longest_life(kept))
    kept.redis.xadd(redis_keys.update_lane(0), {"update": "{}"}, id="1000-0")
    with pytest.raises(Conflict, match="1 queues hold"):
        retire(kept)
    kept.redis.delete(redis_keys.update_lane(0))
    assert len(retire(kept).gone) == 1
    assert len(Platform(with_key_file(kept.settings)).vault.fingerprints) == 1


def test_keys_of_the_environment_are_never_touched(platform: Platform) -> None:
    for change in (rotate, retire):
        with pytest.raises(Conflict) as refused:
            change(platform)
        assert refused.value.code == "keys_in_environment"
    assert not platform.settings.keys_file.exists()


def test_keys_of_the_environment_age_from_when_they_were_first_seen(platform: Platform) -> None:
    (age,) = key_ages(platform)
    assert 0 <= age.days < 1
    assert age.leading_since == key_ages(platform)[0].leading_since
    two = new_key(), *(key.get_secret_value() for key in platform.settings.encryption_keys)
    keys = tuple(SecretStr(key) for key in two)
    after = Platform(platform.settings.model_copy(update={"encryption_keys": keys}))
    assert [known.leading_since is not None for known in key_ages(after)] == [True, True]
    assert key_ages(after)[1].made_at == age.made_at


def test_who_writes_meanwhile_wins(kept: Platform) -> None:
    rotate(kept, adoption_seconds=0)
    column = next(column for column in SEALED_COLUMNS if column.name == "bots.sealed_token")
    with kept.database.reading() as session:
        ((key, old),) = column.batch(session, None, 10)
    fresh = kept.vault.seal("replaced", owner="bot:1")
    with kept.database.transaction() as session:
        session.execute(update(Bot).values(sealed_token=fresh))
    with kept.database.transaction() as session:
        assert not column.swap(session, key, old, kept.vault.resealed(old))
    with kept.database.reading() as session:
        assert session.scalar(select(Bot.sealed_token)) == fresh


def test_a_run_that_was_cut_short_is_gone_on_with(kept: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(kept, 0)
    monkeypatch.setattr(resealing, "BATCH", 1)
    rotate(kept, adoption_seconds=0)
    first = reseal(kept, seconds=0)
    assert (first.finished, first.seen) == (False, 1)
    rest = reseal(kept)
    assert (rest.finished, first.seen + rest.seen) == (True, len(SEALED_COLUMNS) + 4)
    assert sum(count.by_older for count in count_sealed(kept)) == 0


def test_what_no_key_opens_is_told_and_left(kept: Platform) -> None:
    foreign = Vault((new_key(),)).seal("x", owner="bot:1")
    with kept.database.transaction() as session:
        session.execute(update(Bot).values(sealed_token=foreign))
    progress = reseal(kept)
    assert (progress.lost, progress.resealed) == (1, 0)
    with kept.database.reading() as session:
        assert session.scalar(select(Bot.sealed_token)) == foreign


def _lead_since(platform: Platform, age: timedelta) -> None:
    path = platform.settings.keys_file
    content = json.loads(path.read_text())
    content["leading"] = dict.fromkeys(content["leading"], iso(utc_now() - age - timedelta(minutes=1)))
    path.write_text(json.dumps(content))
