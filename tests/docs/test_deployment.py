"""The commands that docs/deployment.md gives for runners of a Procfile name what stands in it."""

from __future__ import annotations

import re

from launch.programs import RELEASE, procfile_programs
from tests.architecture.source import ROOT


def test_plain_runners_are_told_to_start_every_process_but_the_release_step() -> None:
    page = (ROOT / "docs/deployment.md").read_text()
    [named] = re.findall(r"honcho start ([a-z ]+)", page)
    assert named.split() == [program.name for program in procfile_programs(ROOT)]
    assert f"foreman start -m all=1,{RELEASE}=0" in page
    release = next(line for line in (ROOT / "Procfile").read_text().splitlines() if line.startswith(RELEASE))
    assert page.count(f"run {release.partition(': ')[2]} &&") == 2
