"""Each file of tests is collected by the one process that runs it, not by every process of the run.

xdist has each of its processes collect all tests, and collecting them all costs as much as many hundreds of them. Where files
are shared out whole, a process needs to know no more than their names until it is handed one.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest

CHOICES = ("keyword", "markexpr", "lf", "failedfirst", "newfirst", "stepwise", "collectonly")
WHOLE_FILES = "whole_files"


class WholeFile(pytest.File):
    """A file that nobody has looked into yet."""

    def collect(self) -> Iterator[pytest.Item]:
        """One thing to hand out: whatever the file holds."""
        yield TestsOfFile.from_parent(self, name="tests")


class TestsOfFile(pytest.Item):
    """Stands for the tests of one file until they are run."""

    __test__ = False

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.add_marker(pytest.mark.timeout(0))  # each of its tests has a limit

    def runtest(self) -> None:
        """Never reached: `run_file` takes the place of pytest's own way to run a test."""
        raise NotImplementedError

    def tests(self) -> list[pytest.Item]:
        """What the file holds, collected now; what cannot be imported is reported as pytest always does."""
        folder = self.parent.parent if self.parent else None
        gc.disable()
        items = list(self.session.genitems(pytest.Module.from_parent(folder, path=self.path)))
        gc.enable()
        self.config.hook.pytest_collection_modifyitems(session=self.session, config=self.config, items=items)
        return items


def shares_whole_files(config: pytest.Config) -> bool:
    """Whether a run hands out whole files and leaves out nothing of them."""
    chosen = any(config.getoption(choice, None) for choice in CHOICES)
    return (
        config.getoption("dist", None) == "loadfile"
        and not chosen
        and not any("::" in part for part in config.args)
    )


def end_with_process(config: pytest.Config) -> None:
    """A process of the run that dies ends it: the one put in its place would be handed the same file, and die or wait."""
    if shares_whole_files(config) and config.getoption("maxworkerrestart", None) is None:
        config.option.maxworkerrestart = "0"


def tell_process(node: Any) -> None:
    """Have a process of the run know files by their names alone, if the run hands out whole ones."""
    if shares_whole_files(node.config):
        node.workerinput[WHOLE_FILES] = True
        node.config.pluginmanager.get_plugin("terminalreporter")._show_progress_info = False  # of what total?


def knows_names_alone(config: pytest.Config) -> bool:
    """Whether this process was told so."""
    return WHOLE_FILES in getattr(config, "workerinput", {})


def run_file(file: TestsOfFile, nextitem: pytest.Item | None) -> None:
    """Collect its tests and run them, each in the file's place in the session, where xdist looks for the one it runs."""
    session = file.session
    place = session.items.index(file)
    tests = file.tests()
    for number, test in enumerate(tests, start=1):
        session.items[place] = test
        test.ihook.pytest_runtest_protocol(item=test, nextitem=[*tests, nextitem][number])
        if session.shouldfail or session.shouldstop:
            break
    session.items[place] = file
