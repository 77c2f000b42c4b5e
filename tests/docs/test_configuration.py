"""The documentation of the settings is complete and up to date."""

from __future__ import annotations

import pytest

from launch.configuration import configuration_page, example_file, stale_files
from services.core.environment import load_settings, setting_names
from services.core.settings import Settings


def test_the_written_pages_agree_with_the_settings() -> None:
    assert stale_files() == [], "run `make docs`"


@pytest.mark.parametrize("field", Settings.model_fields)
def test_each_setting_is_described(field: str) -> None:
    assert Settings.model_fields[field].description, f"{field} has no description"
    for name in setting_names(field):
        assert f"`{name}`" in configuration_page()


def test_the_example_file_with_everything_uncommented_is_accepted_and_changes_nothing() -> None:
    lines = [line[1:] for line in example_file().splitlines() if line.startswith("#") and "=" in line]
    given = dict(line.split("=", 1) for line in lines if line.split("=", 1)[0].isupper())
    keys = {"SECRET_KEY": "k", "ENCRYPTION_KEYS": "k"}
    assert len(given) == len(Settings.model_fields)
    assert load_settings({**given, **keys}) == load_settings(keys)
