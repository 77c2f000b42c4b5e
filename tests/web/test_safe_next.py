"""Where a sign-in leads on to: a page of this site, whatever a link says."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from services.platform.platform import Platform
from tests.blueprints.people import PASSWORD, make_account, submit
from web.security import safe_next

ELSEWHERE = [
    "//evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "/.//evil.example",
    "/./\\evil.example",
    "/..//evil.example",
    "/panel/..//evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "https://evil.example",
    "javascript:alert(1)",
    "evil.example",
    "",
]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_what_some_browser_could_take_for_another_site_leads_home(target: str) -> None:
    assert safe_next(target, "/panel") == "/panel"


@pytest.mark.parametrize("target", ["/panel/pools/5?tab=2", "/panel/account#keys-title", "/panel?next=//x"])
def test_a_page_of_ours_is_kept(target: str) -> None:
    assert safe_next(target, "/panel") == target


@pytest.mark.parametrize("target", ["/%5Cevil.example", "//evil.example", "/.//evil.example"])
def test_a_forged_link_to_the_sign_in_leads_home_afterwards(
    client: FlaskClient, platform: Platform, target: str
) -> None:
    make_account(platform)
    answer = submit(client, f"/login?next={target}", email="owner@example.com", password=PASSWORD)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/panel")
