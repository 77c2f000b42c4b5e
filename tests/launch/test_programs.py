"""Which programs a launch starts."""

from __future__ import annotations

from pathlib import Path

from launch.programs import procfile_commands, procfile_programs
from launch.supervision import write_configuration


def test_each_process_of_the_procfile_runs_once_and_workers_as_often_as_is_wanted(tmp_path: Path) -> None:
    once = procfile_programs(tmp_path / "gate")
    thrice = procfile_programs(tmp_path / "gate", workers=3)
    assert [each.name for each in once] == ["web", "worker", "clock", "poller", "programs"]
    names = [each.name for each in thrice]
    assert names == ["web", "worker", "worker-2", "worker-3", "clock", "poller", "programs"]
    workers = [each for each in thrice if each.name.startswith("worker")]
    assert all(each.command == procfile_commands()["worker"] for each in workers)
    assert all(each.options == once[1].options for each in workers)


def test_all_of_them_are_the_supervisors(tmp_path: Path) -> None:
    configuration = write_configuration(tmp_path, None, procfile_programs(tmp_path / "gate", workers=2))
    text = configuration.read_text()
    assert "[program:worker]" in text
    assert "[program:worker-2]" in text
    assert "programs = web,worker,worker-2,clock,poller,programs\n" in text
    assert f"--starts {tmp_path}/starts/worker-2 " in text
