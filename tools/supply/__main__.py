"""`python -m tools.supply sbom|audit --tools build/supply-venv/bin`: build/sbom.json, and known vulnerabilities of what is locked.

Exit code 0 when all is well, 1 when not. What could not be done for want of a tool or of the advisory data is a line that begins with
`skipped:`, with exit code 0: it says nothing about the packages.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from launch.licences import locked_names
from launch.programs import ROOT

LOCK = "requirements.lock"
SBOM, FOUND = "build/sbom.json", "build/audit.json"
SBOM_SECONDS = 60.0
AUDIT_SECONDS = 60.0
ANSWER_SECONDS = "4"  # of one request for advisories


def main(arguments: list[str]) -> int:
    """Do what is asked; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.supply", description=__doc__)
    parser.add_argument("what", choices=("sbom", "audit"))
    parser.add_argument(
        "--tools", type=Path, default=ROOT / "build/supply-venv/bin", help="where the tools are"
    )
    options = parser.parse_args(arguments)
    (ROOT / "build").mkdir(exist_ok=True)
    return sbom(options.tools) if options.what == "sbom" else audit(options.tools)


def sbom(tools: Path) -> int:
    """Write build/sbom.json (CycloneDX 1.6), have it validated, and hold it to the lock."""
    tool = tools / "cyclonedx-py"
    if not tool.exists():
        return _skipped("no bill of materials, cyclonedx-bom is not installed here")
    options = f"requirements {LOCK} -o {SBOM} --of JSON --sv 1.6 --validate --output-reproducible"
    done = _run([str(tool), *options.split()], SBOM_SECONDS)
    if done is None or done.returncode:
        print(f"{SBOM} could not be made: {_reason(done)}")
        return 1
    named = {str(part["name"]).lower() for part in json.loads((ROOT / SBOM).read_text())["components"]}
    missing = sorted(set(locked_names()) - named)
    if missing:
        print(f"{SBOM} does not name {', '.join(missing)}")
        return 1
    print(f"{SBOM}: {len(named)} packages of {LOCK}, CycloneDX 1.6, valid")
    return 0


def audit(tools: Path) -> int:
    """Ask for known vulnerabilities of every locked package; 1 when there is one, each on a line."""
    tool, found = tools / "pip-audit", ROOT / FOUND
    if not tool.exists():
        return _skipped("vulnerabilities were not looked for, pip-audit is not installed here")
    found.unlink(missing_ok=True)
    options = f"-r {LOCK} --disable-pip --require-hashes --timeout {ANSWER_SECONDS} -f json -o {FOUND} --progress-spinner off"
    done = _run([str(tool), *options.split()], AUDIT_SECONDS)
    if not found.exists():
        return _skipped(
            f"vulnerabilities were not looked for, the advisory data was not reached: {_reason(done)}"
        )
    return judge(json.loads(found.read_text())["dependencies"])


def judge(dependencies: list[dict[str, object]]) -> int:
    """Print what pip-audit found, {name, version, vulns} or {name, skip_reason} each; the exit code."""
    unknown = [str(each["name"]) for each in dependencies if "skip_reason" in each]
    if len(unknown) == len(dependencies):
        return _skipped(
            "vulnerabilities were not looked for, the advisory data knows none of the packages here"
        )
    unseen = sorted({*unknown, *(set(locked_names()) - {str(each["name"]).lower() for each in dependencies})})
    faults = 0
    for each in dependencies:
        vulnerabilities = each.get("vulns")
        for fault in vulnerabilities if isinstance(vulnerabilities, list) else ():
            faults += 1
            mended = ", ".join(fault["fix_versions"]) or "no release"
            print(f"{each['name']} {each.get('version')}: {fault['id']}, mended in {mended}")
    if unseen:
        print(f"skipped: nothing is known of {', '.join(unseen)}")
    print(f"{len(dependencies) - len(unknown)} packages of {LOCK} looked up, {faults} known vulnerabilities")
    return 1 if faults else 0


def _run(command: list[str], seconds: float) -> subprocess.CompletedProcess[str] | None:
    """Run a tool; None when it took too long."""
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return None


def _reason(done: subprocess.CompletedProcess[str] | None) -> str:
    """The last thing that a tool said."""
    if done is None:
        return "it took too long"
    said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return said[-1].strip()[:200] if said else f"exit code {done.returncode}"


def _skipped(why: str) -> int:
    print(f"skipped: {why}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
