"""A configuration model as a form: what an author writes, and what is drawn of it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from plugins.base import BasePlugin, PluginConfig
from services.fleet.plugin_loading.describing import describe


class Price(BaseModel):
    """What one thing costs."""

    label: str = Field(min_length=1, title="What it is")
    cents: int = Field(ge=0, le=100_000)


class ShopConfig(PluginConfig):
    """Configuration of `shop`."""

    currency: Literal["R$", "US$"] = Field("R$", json_schema_extra={"group": "Money"})
    first: Price = Price(label="Tea", cents=5)
    second: Price | None = None
    prices: list[Price] = Field(default_factory=list, max_length=5)
    admins: list[int] = Field(default_factory=list)
    names: dict[str, str] = Field(default_factory=dict)
    limit: int | str = 3


class Shop(BasePlugin):
    """A shop."""

    name = "shop"
    config_model = ShopConfig


def test_each_type_of_a_model_has_its_kind_of_field_and_what_has_no_form_is_json() -> None:
    described = describe(Shop)
    fields = {field["name"]: field for field in described["fields"]}
    assert {name: (each["kind"], each["item"] or each["model"]) for name, each in fields.items()} == {
        "currency": ("choice", ""),
        "first": ("object", "Price"),
        "second": ("json", ""),
        "prices": ("objects", "Price"),
        "admins": ("values", "number"),
        "names": ("json", ""),
        "limit": ("json", ""),
    }
    assert (fields["currency"]["group"], fields["currency"]["choices"]) == ("Money", ["R$", "US$"])
    assert (fields["prices"]["most"], fields["admins"]["whole"]) == (5, True)
    label, cents = described["models"]["Price"]
    assert (label["title"], label["required"], label["kind"]) == ("What it is", True, "long")
    assert (cents["minimum"], cents["maximum"], cents["whole"]) == (0, 100_000, True)
