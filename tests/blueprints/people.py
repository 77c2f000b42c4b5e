"""People and programs in front of the web application: forms with their token, sign-in, keys."""

from __future__ import annotations

import re
from functools import cache

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from models import Account
from services.platform.accounts import accounts
from services.platform.accounts.accounts import command_principal, create_account
from services.platform.accounts.api_keys import create_key
from services.platform.accounts.passwords import hash_password
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from web.login import CONFIRMED_AT

PASSWORD = "correct horse battery"
_hash_once = cache(hash_password)  # 30 ms of processor for each of some 700 accounts


def make_account(platform: Platform, email: str = "owner@example.com", *, admin: bool = False) -> Account:
    """An account with PASSWORD; all have the one hash of it. Signing in computes as ever."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "hash_password", _hash_once)
        return create_account(platform, email, PASSWORD, admin)


def make_key(platform: Platform, account: Account, *scopes: str) -> dict[str, str]:
    """The header of a fresh API key; without scopes it has all."""
    return {"Authorization": f"Bearer {create_key(platform, command_principal(account), scopes=scopes)[1]}"}


def caller_of(account: Account) -> Principal:
    """The account asking for itself."""
    return command_principal(account)


def csrf_token(client: FlaskClient, page: str = "/login") -> str:
    """The token in the forms of a page."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(page).text)
    assert found, f"no form on {page}"
    return found.group(1)


def submit(client: FlaskClient, page: str, target: str | None = None, **fields: str) -> TestResponse:
    """Fill in the form of `page` and send it to `target`, or to the page itself."""
    return client.post(target or page, data={"csrf_token": csrf_token(client, page), **fields})


def sign_in(
    client: FlaskClient, email: str = "owner@example.com", password: str = PASSWORD, *, remember: bool = False
) -> TestResponse:
    """Sign in by the form; with `remember` its box is ticked."""
    ticked = {"remember": "1"} if remember else {}
    return submit(client, "/login", email=email, password=password, **ticked)


def let_grow_stale(client: FlaskClient, minutes: float = 16) -> None:
    """As if the password had been typed so many minutes ago."""
    with client.session_transaction() as session:
        session[CONFIRMED_AT] -= int(minutes * 60)
