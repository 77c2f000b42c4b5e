"""Configuration of a URL template."""

from __future__ import annotations

import re
from typing import Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from services.core.url_safety import LONGEST_URL
from services.core.validation_texts import REASONS, refusal
from services.traffic.postbacks.drivers.driver import Config
from services.traffic.postbacks.facts import MACROS

MACRO: Final = re.compile(r"\{([^{}]*)\}")


class UrlConfig(Config):
    """An address with macros such as {click_id}, {gclid} or {value}."""

    url: str = Field(max_length=LONGEST_URL, description="macros in braces; their values are URL-encoded")
    method: Literal["GET", "POST"] = "GET"
    needs: list[str] = Field(
        default_factory=list, max_length=20, description="macros without which nothing is sent"
    )

    @field_validator("url")
    @classmethod
    def _is_template(cls, url: str) -> str:
        unknown = [name for name in MACRO.findall(url) if name not in MACROS]
        if unknown:
            raise PydanticCustomError(
                "macro_unknown", REASONS["macro_unknown"], {"name": f"{{{unknown[0]}}}"}
            )
        plain = MACRO.sub("", url)
        if "{" in plain or "}" in plain:
            raise refusal("macro_broken")
        if "{" in urlsplit(url).netloc or "{" in url.partition("://")[0]:
            raise refusal("macro_in_host")
        return url

    @field_validator("needs")
    @classmethod
    def _are_macros(cls, needs: list[str]) -> list[str]:
        for name in needs:
            if name not in MACROS:
                raise PydanticCustomError("macro_unknown", REASONS["macro_unknown"], {"name": f"{{{name}}}"})
        return needs
