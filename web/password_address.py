"""The address behind which a one-time link lets a person choose a password."""

from __future__ import annotations

from flask import url_for


def password_address(secret: str) -> str:
    """The whole address; the secret stands behind the "#", which browsers keep to themselves."""
    return f"{url_for('auth.choose_password', _external=True)}#{secret}"
