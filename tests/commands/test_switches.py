"""`flask switches` beside a running installation."""

from __future__ import annotations

from services.core.settings import Settings
from services.platform.platform import Platform
from services.platform.switchboard import SwitchName
from tests.blueprints.people import make_account
from tests.commands.running import flask


def test_a_switch_is_set_listed_and_cleared_at_the_command_line(
    settings: Settings, platform: Platform
) -> None:
    make_account(platform, "admin@example.com", admin=True)
    redis = {"REDIS_URL": settings.redis_url}
    made = flask(
        settings, "switches", "set", "cooldown", "--value", "8", "--for", "15m", "--reason", "flood", **redis
    )
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("cooldown\ton until ")
    platform.switches.refresh()
    assert platform.switches.value_of(SwitchName.COOLDOWN) == 8
    assert 14 * 60 < platform.switches.seconds_left(SwitchName.COOLDOWN) <= 15 * 60
    wrong = flask(settings, "switches", "set", "limits", "--value", "half", "--reason", "x", **redis)
    assert wrong.returncode == 1
    assert "number" in wrong.stderr
    assert flask(settings, "switches", "clear", "cooldown", **redis).stdout == "cooldown\toff\n"
