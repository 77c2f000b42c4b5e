"""The plugins of the routing benchmark: all can be loaded, and the last alone wants every text."""

from __future__ import annotations

from pathlib import Path

from services.fleet.plugin_loading.importing import import_version, retire
from services.messaging.plugin_runtime.behaviour import install
from tools.benchmarks.routing import PLUGINS, source_of


def test_every_plugin_has_the_usual_routes_and_the_last_one_more() -> None:
    counted = []
    for number in range(1, PLUGINS + 1):
        version = import_version(Path(f"asked{number}.py"), source_of(number).encode())
        counted.append(len(install(version.plugin(1, {})).router.handlers))
        retire(version.module)
    assert counted == [5] * (PLUGINS - 1) + [6]
