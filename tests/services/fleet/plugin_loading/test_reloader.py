"""What a process makes of the files in PLUGINS_DIR: what is right serves, what is wrong leaves the former version serving."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from services.core.settings import Settings
from services.fleet import plugin_catalogue
from services.fleet.plugin_loading.folder import WatchedFolder
from services.fleet.plugin_loading.refusals import Refusal, refuse
from services.fleet.plugin_loading.trial import Trial
from services.platform.platform import Platform
from services.platform.redis.changes import Topic
from tests.services.fleet.plugin_loading.authors import Authors, ThisProcess


def served(process: ThisProcess, file: str = "one.py") -> str:
    """The version of the author's that serves."""
    return process.catalogue.custom[file].plugin.version


def test_files_come_change_and_go_while_the_process_runs(authors: Authors, process: ThisProcess) -> None:
    assert "one" not in process.catalogue.plugins
    authors.write("one", "1")
    process.look()
    assert served(process) == "1"
    authors.write("one", "2")
    assert process.look().generation > 1
    assert served(process) == "2"
    assert plugin_catalogue.names().count("one") == 1
    swaps = process.swaps
    (authors.folder / "one.py").touch()
    process.look()
    assert process.swaps == swaps  # the same bytes are the same version
    authors.delete("one.py")
    process.look()
    assert "one" not in process.look().plugins


def test_a_change_of_the_same_length_within_the_same_second_is_seen(
    authors: Authors, process: ThisProcess
) -> None:
    for version in "123456789":
        authors.write("one", version)
        process.look()
        assert served(process) == version


def test_a_file_that_is_still_being_written_is_let_alone(authors: Authors, process: ThisProcess) -> None:
    authors.write("one", "1")
    process.look()
    authors.write("one", "2")
    whole = (authors.folder / "one.py").read_text()
    for length in range(100, 500, 100):
        (authors.folder / "one.py").write_text(whole[:length])
        process.reloader.turn()
        assert (served(process), process.catalogue.problems) == ("1", {})
    (authors.folder / "one.py").write_text(whole)
    process.look()
    assert served(process) == "2"


BROKEN = {
    "a syntax error": ("def broken(:\n", "plugin_broken", 1, "SyntaxError"),
    "an exception": ("x = 1\n\nraise ValueError('no')\n", "plugin_broken", 3, "ValueError: no"),
    "an exit": ("import sys\nsys.exit(3)\n", "plugin_broken", 2, "SystemExit: 3"),
    "another BaseException": ("class Odd(BaseException): pass\nraise Odd\n", "plugin_broken", 2, "Odd"),
    "an end of the process": ("import os\nos._exit(7)\n", "plugin_ends_process", None, "exit code 7"),
    "a crash": ("import os\nos.kill(os.getpid(), 11)\n", "plugin_ends_process", None, "signal 11"),
    "no plugin": ("x = 1\n", "plugin_broken", None, "no `plugin = "),
    "a missing package": (
        "import nothing_like_this\n"
        "class A:\n    requires = (\n        'pydantic>=2',\n        'nothing-like-this>=1',\n    )\n",
        "plugin_package_missing",
        5,
        "nothing-like-this>=1, which is not installed",
    ),
    "a package too old": (
        "class A:\n    requires = {'pydantic>=99'}\n",
        "plugin_package_missing",
        2,
        "is installed",
    ),
    "wrong metadata": (
        "from plugins.base import BasePlugin\nclass A(BasePlugin):\n    name = 'one'\n    dependencies = 'start'\nplugin = A\n",
        "plugin_broken",
        None,
        "A.dependencies must be names of plugins",
    ),
    "no handlers": (
        "from plugins.base import BasePlugin\nclass A(BasePlugin):\n    name = 'one'\nplugin = A\n",
        "plugin_broken",
        None,
        "no setup_handlers(router)",
    ),
    "no Python at all": ("\0", "plugin_broken", None, "null bytes"),
}


def test_whatever_is_wrong_with_a_version_is_told_and_the_former_one_serves_on(
    authors: Authors, process: ThisProcess
) -> None:
    authors.write("one", "1")
    authors.write("two", "1")
    process.look()
    for what, (text, code, line, reason) in BROKEN.items():
        hash_ = authors.save("one.py", text)
        problem = process.look().problems["one.py"]
        assert (problem.code, problem.line, problem.hash) == (code, line, hash_), what
        assert reason in problem.reason, what
        assert process.reloader.report()["one.py"]["problem"]["code"] == code
        assert served(process) == served(process, "two.py") == "1", what
    authors.write("one", "2")
    assert process.look().problems == {}
    assert served(process) == "2"


def test_an_import_that_does_not_end_is_given_up_and_does_not_run_here(
    authors: Authors, process: ThisProcess
) -> None:
    hasty = Trial(seconds=0.5)
    process.trial = hasty
    process.begin()
    authors.write("one", "1")
    process.look()
    authors.save("one.py", "import sys\nsys.ran_away = True\nwhile True: pass\n")
    assert process.look().problems["one.py"].code == "plugin_import_slow"
    assert served(process) == "1"
    assert not hasattr(sys, "ran_away")
    hasty.close()


def test_dependencies_are_loaded_first_and_missing_or_circular_ones_are_named(
    authors: Authors, process: ThisProcess
) -> None:
    authors.write("aa", inside="dependencies = {'bb', 'start'}")
    authors.write("bb", inside="dependencies = {'cc'}")
    authors.write("cc")
    loaded = [name for name in process.look().plugins if name in ("aa", "bb", "cc")]
    assert loaded == ["cc", "bb", "aa"]
    authors.write("cc", "2", inside="dependencies = {'aa'}")
    assert "cc -> aa -> bb -> cc" in process.look().problems["cc.py"].reason
    authors.write("cc", "3", inside="dependencies = {'nobody', 'nowhere'}")
    assert "nobody, nowhere, which are not there" in process.look().problems["cc.py"].reason
    assert served(process, "cc.py") == "1"
    authors.write("cc", "4", before="import re", inside="name = 'start'")
    assert "'start' is taken by the built-in plugin" in process.look().problems["cc.py"].reason
    authors.delete("cc.py")
    process.look()
    assert {"aa", "bb", "cc"}.isdisjoint(process.look().plugins)
    assert "cc, which is not there" in process.catalogue.problems["bb.py"].reason


def test_old_versions_leave_nothing_behind(authors: Authors, process: ThisProcess) -> None:
    modules, loggers = set(sys.modules), set(logging.root.manager.loggerDict)
    for number in range(12):
        authors.write("one", str(number), before="import logging\nlogging.getLogger(__name__)")
        process.look()
        authors.save("one.py", f"raise ValueError({number})")
        process.look()
    ours = {name for name in set(sys.modules) - modules if name.startswith("custom_")}
    assert ours == {process.catalogue.custom["one.py"].module}
    assert {name for name in set(logging.root.manager.loggerDict) - loggers if "custom" in name} == ours
    kept = process.loader.kept.path("one.py")
    assert len(list(kept.iterdir())) == 3
    authors.delete("one.py")
    process.look()
    process.look()
    assert not kept.exists()


def test_a_process_that_starts_beside_a_broken_file_serves_what_served_last(
    authors: Authors, process: ThisProcess
) -> None:
    authors.write("one", "1")
    process.look()
    authors.write("one", "2")
    process.look()
    authors.save("one.py", "raise ValueError")
    process.begin()
    assert served(process) == "2"
    assert process.catalogue.problems["one.py"].reason == "ValueError"
    authors.write("one", "3")
    process.begin()
    assert served(process) == "3"


def test_a_plugin_without_hot_reload_waits_for_the_next_start(authors: Authors, process: ThisProcess) -> None:
    authors.write("one", "1")
    process.look()
    waiting = authors.write("one", "2", inside="supports_hot_reload = False")
    process.look()
    assert (served(process), process.reloader.report()["one.py"]["waiting"]) == ("1", waiting)
    process.begin()
    assert (served(process), process.reloader.report()["one.py"]["waiting"]) == ("2", "")
    authors.write("one", "3")
    process.look()
    assert served(process) == "2"
    process.begin()
    assert served(process) == "3"


def test_without_hot_reload_a_process_keeps_what_it_started_with(
    authors: Authors, settings: Settings, process: ThisProcess
) -> None:
    process.platform = Platform(settings.model_copy(update={"enable_hot_reload": False}))
    authors.write("one", "1")
    process.begin()
    good = process.catalogue.custom["one.py"].hash
    authors.write("one", "2")
    process.look()
    assert served(process) == "1"
    process.begin()
    assert served(process) == "2"
    bad = process.catalogue.custom["one.py"].hash
    authors.write("one", "3")  # for the next start
    refuse(process.platform, Refusal("one.py", bad, "one", good, 5, 5, at=0.0))
    process.reloader.on_change(Topic.PLUGINS, 0)
    process.look()
    assert served(process) == "1", "what served before, not what has come into the folder since"
    process.begin()
    assert served(process) == "3"


def test_a_version_is_tried_once_and_again_only_where_its_process_was_ended(
    authors: Authors, process: ThisProcess, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    note = f"open({str(runs)!r}, 'a').write('.')"
    authors.write("one", before=note)
    process.look()
    assert runs.read_text() == ".."  # there, and here
    helper = process.trial._process
    assert helper is not None
    helper.kill()
    helper.wait()
    authors.write("one", "2", before=note)
    process.look()
    assert (served(process), runs.read_text()) == ("2", "....")
    process.begin()
    assert runs.read_text() == "....."  # what served here is tried no more


def test_a_file_or_folder_that_cannot_be_read_leaves_what_serves(
    authors: Authors, process: ThisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a network drive that is away: permissions mean nothing to root, so reading is made to fail."""
    authors.write("one", "1")
    process.look()

    def fail(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    authors.write("one", "2")
    with monkeypatch.context() as broken:
        broken.setattr(process.loader.folder, "read", fail)
        assert process.look().problems["one.py"].code == "plugin_unreadable"
        assert served(process) == "1"
    process.reloader.turn()
    assert (served(process), process.catalogue.problems) == ("2", {})
    with monkeypatch.context() as broken:
        broken.setattr(WatchedFolder, "_signatures", fail)
        with pytest.raises(PermissionError):
            process.reloader.turn()
        process.begin()
        assert served(process) == "2"  # as it did when it last ran
    process.look()
    assert served(process) == "2"


@pytest.mark.parametrize("hidden", ["_shared.py", ".draft.py", "notes.txt"])
def test_other_files_are_no_plugins(authors: Authors, process: ThisProcess, hidden: str) -> None:
    authors.save(hidden, "raise ValueError")
    assert process.look().problems == {}
