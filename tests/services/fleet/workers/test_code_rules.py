"""Which commands and images an owner may have started, by the admin's lists."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from services.core.errors import FlotillaError
from services.core.worker_settings import WorkerSettings
from services.fleet.workers.code_rules import check_code
from services.platform.accounts.principal import Principal

OWNER = Principal(1, "account:1")
ADMIN = Principal(2, "account:2", is_admin=True)
RULES = WorkerSettings(
    worker_images="registry.example.com/team/*, registry.example.com/shared/echo:1.2",
    worker_commands='["/srv/bots/echo --quiet", "node /srv/bots/shop.js *"]',
)
NONE = WorkerSettings()
DIGEST = "@sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("rules", "caller", "command", "image", "code"),
    [
        (NONE, OWNER, "", "", ""),
        (NONE, OWNER, "/srv/bots/echo", "", "admin_only"),
        (NONE, OWNER, "", "registry.example.com/team/bot", "admin_only"),
        (NONE, ADMIN, "python -c 'print(1)'", "", ""),
        (NONE, ADMIN, "", "anything/at-all:latest", ""),
        (NONE, ADMIN, "", "no image; rm -rf /", "image_invalid"),
        (NONE, ADMIN, "", "team/../evil", "image_invalid"),
        (NONE, ADMIN, "echo 'open", "", "command_invalid"),
        (NONE, ADMIN, "echo", "image", "invalid_input"),
        (RULES, OWNER, "", "registry.example.com/team/bot", ""),
        (RULES, OWNER, "", "registry.example.com/team/bot:1" + DIGEST, ""),
        (RULES, OWNER, "", "registry.example.com/team/deeper/bot", "image_not_allowed"),
        (RULES, OWNER, "", "registry.example.com.evil.com/team/bot", "image_not_allowed"),
        (RULES, OWNER, "", "evil.com/registry.example.com/team/bot", "image_not_allowed"),
        (RULES, OWNER, "", "registryxexample.com/team/bot", "image_not_allowed"),
        (RULES, OWNER, "", "registry.example.com/shared/echo:1.2", ""),
        (RULES, OWNER, "", "registry.example.com/shared/echo", "image_not_allowed"),
        (RULES, OWNER, "", "registry.example.com/shared/echo:1.2" + DIGEST, "image_not_allowed"),
        (RULES, OWNER, "/srv/bots/echo --quiet", "", ""),
        (RULES, OWNER, "'/srv/bots/echo'   --quiet", "", ""),
        (RULES, OWNER, "/srv/bots/echo", "", "command_not_allowed"),
        (RULES, OWNER, "/srv/bots/echo --quiet --config=/etc/shadow", "", "command_not_allowed"),
        (RULES, OWNER, "/srv/bots/echo --quiet;id", "", "command_not_allowed"),
        (RULES, OWNER, "node /srv/bots/shop.js", "", ""),
        (RULES, OWNER, "node /srv/bots/shop.js red-shoes 42 a@b.c", "", ""),
        (RULES, OWNER, "node /srv/bots/shop.js --require=/tmp/x.js", "", "command_not_allowed"),
        (RULES, OWNER, "node --require /tmp/x.js /srv/bots/shop.js", "", "command_not_allowed"),
        (RULES, OWNER, "node /srv/bots/shop.js ../../etc/passwd", "", "command_not_allowed"),
        (RULES, OWNER, "node /srv/bots/shop.js '$(id)'", "", "command_not_allowed"),
        (RULES, OWNER, "node /srv/bots/shop.js A=b", "", "command_not_allowed"),
        (RULES, OWNER, "node /srv/bots/shop.js ''", "", "command_not_allowed"),
        (RULES, OWNER, "node /srv/bots/shop.js\nid", "", "command_not_allowed"),
        (RULES, OWNER, "node /srv/bots/shop.js *", "", "command_not_allowed"),
    ],
)
def test_an_owner_s_code_is_what_the_admin_s_lists_say_and_nothing_that_only_looks_like_it(
    rules: WorkerSettings, caller: Principal, command: str, image: str, code: str
) -> None:
    if not code:
        check_code(rules, caller, command, image)
        return
    with pytest.raises(FlotillaError) as refusal:
        check_code(rules, caller, command, image)
    assert refusal.value.code == code
    if code.endswith("_not_allowed"):  # whoever is refused learns which rule it was, and what it allows
        assert refusal.value.message.startswith(("WORKER_IMAGES allows", "WORKER_COMMANDS allows"))


@pytest.mark.parametrize(
    "given",
    [
        {"worker_images": "*/team/bot"},
        {"worker_images": "registry.example.com*/team"},
        {"worker_commands": "/srv/bots/echo"},
        {"worker_commands": '["*"]'},
        {"worker_commands": '["echo \'open"]'},
    ],
)
def test_a_list_that_would_allow_anything_is_no_setting(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        WorkerSettings(**given)  # type: ignore[arg-type]
