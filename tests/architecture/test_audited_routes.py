"""Whatever changes something for a person is written into the audit trail: each such route leads to a call of `audit`.

Read from the source: from the route's view along the functions it names, over modules, until `audit`. Which road is taken at run
time the tests of the use cases say.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache

from flask import Flask

from app import create_app
from services.platform.platform import Platform
from tests.architecture.source import Source, imports, product

CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
# What changes nothing that the trail is about, and why.
UNTOLD = {
    "i18n.switch": "the language in which one reads",
    "panel.read_notifications": "what one has read",
    "notifications.mark_read": "what one has read",
    **dict.fromkeys(
        ("runtime.respond", "runtime.respond_to_all", "runtime.fail", "runtime.extend", "runtime.send"),
        "a program's work on its bot's updates: nobody's deed, and too many",
    ),
    "payments.receive": "a payment provider's calls: nobody's deed, and too many",
    "payment_webhooks.try_body": "a look at what a body would do; nothing is kept",
    "goals.create": "what an account's programs tell of people: no setting, and too many",
    "webhooks.receive": "Telegram's updates: nobody's deed, and too many",
    "texts.show": "a preview; nothing is kept",
    "texts.check": "a check of a file; nothing is kept",
    "two_step.begin": "an app's secret that counts for nothing until a code of it was typed",
    "plugins.check": "a check of a form; nothing is kept",
    "plugins.chat": "a played chat; nothing is kept or sent",
    "spend.look": "how a table would be read; nothing is kept",
    "flows.check": "a check of a flow; nothing is kept",
    "flows.simulate": "a played chat; nothing is kept or sent",
    "flow_files.check": "a check of a file; nothing is kept",
    "flow_files.check_texts": "a check of a file; nothing is kept",
    "broadcasts.preview": "a picture of a message; nothing is kept or sent",
    "destinations.send_test": "a message to oneself; nothing is changed",
}
Key = tuple[str, str]  # module, function
PRINCIPAL = "services.platform.accounts.principal"
AUDIT, LOOK = (
    (PRINCIPAL, "audit"),
    (PRINCIPAL, "get_owned"),
)  # an admin's look at a thing tells of no change of it


def test_every_route_that_changes_something_leads_to_an_entry_of_the_trail(platform: Platform) -> None:
    app = create_app(platform)
    silent = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if (rule.methods or set()) & CHANGING and not _leads_there(_view(app, rule.endpoint))
    }
    assert {name.removeprefix("v1.") for name in silent} == UNTOLD.keys()


def _view(app: Flask, endpoint: str) -> Key:
    view = inspect.unwrap(app.view_functions[endpoint])
    return view.__module__, view.__name__


def _leads_there(start: Key) -> bool:
    seen, open_ends = {start, LOOK}, [start]
    while open_ends:
        here = open_ends.pop()
        for there in _named(here):
            if there == AUDIT:
                return True
            if there not in seen:
                seen.add(there)
                open_ends.append(there)
    return False


@cache
def _named(key: Key) -> tuple[Key, ...]:
    """The functions of the product that a function names, its own module's and imported ones."""
    source = _modules().get(key[0])
    node = _functions(source).get(key[1]) if source else None
    if source is None or node is None:
        return ()
    return tuple(_resolved(source, node))


def _resolved(source: Source, function: ast.AST) -> Iterator[Key]:
    known = _imported(source.name)
    own = _functions(source)
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = known.get(node.value.id)
            if module in _modules():
                yield str(module), node.attr
        elif isinstance(node, ast.Name):
            if node.id in own:
                yield source.name, node.id
            elif node.id in known:
                module, _, name = known[node.id].rpartition(".")
                yield module, name


@cache
def _modules() -> dict[str, Source]:
    return {
        source.name: source for source in product() if source.package in ("services", "blueprints", "web")
    }


@cache
def _imported(name: str) -> dict[str, str]:
    """What the names that a module imports stand for; one imported under another name is found by that."""
    source = _modules()[name]
    found = {full.rpartition(".")[2]: full for full in imports(source)}
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom):
            found |= {alias.asname: f"{node.module}.{alias.name}" for alias in node.names if alias.asname}
    return found


@cache
def _functions_of(name: str) -> dict[str, ast.AST]:
    return {
        node.name: node
        for node in _modules()[name].nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }


def _functions(source: Source) -> dict[str, ast.AST]:
    return _functions_of(source.name)
