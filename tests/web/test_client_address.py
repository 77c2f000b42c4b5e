"""Behind a proxy that writes ports, brackets or nothing useful, what is kept of a client is its address."""

from __future__ import annotations

import logging

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from app import create_app
from models import AccountSession, AuditEvent
from services.core.settings import Settings
from services.platform.platform import Platform
from tests.blueprints.people import make_account, sign_in


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Behind one proxy."""
    return settings.model_copy(update={"trusted_proxies": 1})


def signed_in_through(platform: Platform, said: str) -> FlaskClient:
    client = create_app(platform).test_client()
    client.environ_base["HTTP_X_FORWARDED_FOR"] = said
    assert sign_in(client).status_code == 302
    return client


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("198.51.100.2:40000", "198.51.100.2"),
        ('"[2001:db8::1]:443"', "2001:db8::1"),
        ("::ffff:198.51.100.2", "198.51.100.2"),
        ("fe80::1%eth0", "fe80::1"),
        ("x" * 300, ""),
    ],
)
def test_sessions_and_the_audit_trail_keep_the_address_alone(
    platform: Platform, said: str, address: str
) -> None:
    make_account(platform)
    client = signed_in_through(platform, said)
    with platform.database.reading() as session:
        assert session.scalars(select(AccountSession.ip)).all() == [address]
        assert session.scalars(select(AuditEvent.ip).where(AuditEvent.kind == "signed_in")).all() == [address]
    assert said not in client.get("/panel/account").text or said == address


def test_a_proxy_that_names_no_address_is_told_of_once(
    platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    make_account(platform)
    with caplog.at_level(logging.WARNING):
        signed_in_through(platform, "unknown")
    told = [record for record in caplog.records if "names no address of a client" in record.getMessage()]
    assert len(told) == 1
