"""Routes that compile their addresses late build the same ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.routing import Map, Rule

from web import routes

ADDRESSES = {
    "plain": ("/panel", {}, "/panel"),
    "ids": (
        "/bots/<int:bot_id>/texts/<path:name>",
        {"bot_id": 7, "name": "a b/ü"},
        "/bots/7/texts/a%20b/%C3%BC",
    ),
    "more": ("/pools/<slug>", {"slug": "x", "page": 2}, "/pools/x?page=2"),
    "defaults": ("/people/<int:page>", {"page": 3, "sort": "name"}, "/people/3?sort=name"),
}


@pytest.mark.parametrize("kind", [Rule, routes.LazyRule])
def test_addresses_are_those_of_werkzeug_again_and_again(kind: type[Rule]) -> None:
    rules = [kind(rule, endpoint=name) for name, (rule, _values, _address) in ADDRESSES.items()]
    bound = Map([*rules, kind("/people/", endpoint="defaults", defaults={"page": 1})]).bind("here.test")
    for _ in range(2):
        assert bound.build("defaults", {"page": 1, "sort": "name"}) == "/people/?sort=name"
        for name, (_rule, values, address) in ADDRESSES.items():
            assert bound.build(name, values) == address


def test_an_application_compiles_an_address_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    plain: Callable[..., Callable[..., tuple[str, str]]] = Rule._compile_builder

    def noted(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled.append(rule.rule)
        return plain(rule, append_unknown)

    monkeypatch.setattr(Rule, "_compile_builder", noted)
    app = Flask(__name__, static_folder=None)
    routes.init_app(app)
    app.add_url_rule("/one", "one")
    app.add_url_rule("/two/<int:number>", "two")
    assert compiled == []
    with app.test_request_context():
        assert [app.url_for("two", number=number) for number in (1, 2)] == ["/two/1", "/two/2"]
    assert compiled == ["/two/<int:number>"]
