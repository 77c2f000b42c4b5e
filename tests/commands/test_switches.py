"""`flask switches`: what an operator types."""

from __future__ import annotations

from app import create_app
from services.platform.platform import Platform
from services.platform.switchboard import SwitchName
from tests.blueprints.people import make_account


def test_a_switch_is_set_listed_and_cleared_at_the_command_line(platform: Platform) -> None:
    runner = create_app(platform).test_cli_runner()
    nobody = runner.invoke(args=["switches", "list"])
    assert nobody.exit_code == 1
    assert "make one" in nobody.stderr
    make_account(platform, "admin@example.com", admin=True)
    typed = ["switches", "set", "cooldown", "--value", "8", "--for", "15m", "--reason", "flood"]
    made = runner.invoke(args=typed)
    assert made.exit_code == 0, made.output
    assert made.stdout.startswith("cooldown\ton until ")
    assert 14 * 60 < platform.switches.seconds_left(SwitchName.COOLDOWN) <= 15 * 60
    assert platform.switches.value_of(SwitchName.COOLDOWN) == 8
    people = ["switches", "set", "allow_list", "--value", "5,7", "--reason", "x", "--as", "admin@example.com"]
    assert runner.invoke(args=people).exit_code == 0
    assert platform.switches.value_of(SwitchName.ALLOW_LIST) == [5, 7]
    for option, value in (("--value", "half"), ("--for", "soon")):
        wrong = runner.invoke(args=["switches", "set", "limits", option, value, "--reason", "x"])
        assert wrong.exit_code > 0
    listed = runner.invoke(args=["switches", "list"]).stdout.splitlines()
    assert [line.split("\t")[0] for line in listed if "\toff" not in line] == ["cooldown", "allow_list"]
    assert runner.invoke(args=["switches", "clear", "cooldown"]).stdout == "cooldown\toff\n"
    assert not platform.switches.is_on(SwitchName.COOLDOWN)
