"""Neither a missing tool, nor unreachable advisories, nor a vulnerability passes for a clean audit."""

from __future__ import annotations

from pathlib import Path

import pytest

from launch.licences import locked_names
from tools.supply.__main__ import audit, judge, main, sbom

CLEAN: list[dict[str, object]] = [{"name": name, "version": "1", "vulns": []} for name in locked_names()]


def test_a_missing_tool_is_named_as_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for what in ("sbom", "audit"):
        assert main([what, "--tools", str(tmp_path)]) == 0
        assert capsys.readouterr().out.startswith("skipped: ")


def _tool(folder: Path, name: str, script: str) -> Path:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return folder


def test_advisories_that_are_not_reached_are_named_as_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(_tool(tmp_path, "pip-audit", "echo 'no route to host' >&2; exit 1")) == 0
    said = capsys.readouterr().out
    assert said.startswith("skipped: ")
    assert "no route to host" in said


def test_a_bill_that_could_not_be_made_fails(tmp_path: Path) -> None:
    assert sbom(_tool(tmp_path, "cyclonedx-py", "echo 'invalid' >&2; exit 2")) == 1


def test_a_known_vulnerability_fails_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(CLEAN) == 0
    fault = {"id": "CVE-2026-1", "fix_versions": ["2"]}
    assert judge([{**CLEAN[0], "vulns": [fault]}, *CLEAN[1:]]) == 1
    assert f"{CLEAN[0]['name']} 1: CVE-2026-1, mended in 2" in capsys.readouterr().out


def test_a_package_that_nobody_looked_up_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    unknown: dict[str, object] = {"name": CLEAN[0]["name"], "skip_reason": "not found"}
    assert judge([unknown, *CLEAN[2:]]) == 0
    assert f"skipped: nothing is known of {CLEAN[0]['name']}, {CLEAN[1]['name']}" in capsys.readouterr().out


def test_an_audit_that_knew_no_package_is_no_clean_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert judge([{"name": each["name"], "skip_reason": "not found"} for each in CLEAN]) == 0
    said = capsys.readouterr().out
    assert said.startswith("skipped: vulnerabilities were not looked for")
    assert "looked up" not in said
