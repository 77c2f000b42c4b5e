"""docs/licences.md, made from the metadata of what requirements.lock installs: `python -m launch.licences`."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/licences.md"
LOCKED = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[.*\])?==", re.MULTILINE)
INTRODUCTION = """\
# Licences of the dependencies

<!-- Written by `make docs` from the installed packages; a test compares the names with requirements.lock. -->

What `requirements.lock` installs. Flotilla itself is MIT. Front-end files are listed in `static/vendor/VENDORED.md`.

| Package | Licence |
| --- | --- |
"""


def locked_names() -> list[str]:
    """The packages of requirements.lock, in its order."""
    names: list[str] = LOCKED.findall((ROOT / "requirements.lock").read_text())
    return names


def licence_of(package: str) -> str:
    """A package's licence in its own words; one that another Python version alone installs is looked up by hand."""
    try:
        installed = distribution(package)
    except PackageNotFoundError:
        return {"async-timeout": "Apache-2.0"}.get(package, "see its page")
    about = installed.metadata
    classifiers = [str(line) for line in about.get_all("Classifier") or []]
    named = [line.rpartition("::")[2].strip() for line in classifiers if line.startswith("License")]
    for field in ("License-Expression", "License"):
        if field in about and not (field == "License" and named):
            return str(about[field]).partition("\n")[0]
    return ", ".join(named) or _title(installed) or "?"


def _title(installed: Distribution) -> str:
    """The first line of the licence that comes with the package, where its metadata names none."""
    files = installed.metadata.get_all("License-File") or []
    text = installed.read_text(f"licenses/{files[0]}") if files else None
    return (text or "").partition("\n")[0].strip()


def main() -> None:
    """Write the page."""
    rows = [f"| {name} | {licence_of(name)} |\n" for name in locked_names()]
    PAGE.write_text(INTRODUCTION + "".join(rows))


if __name__ == "__main__":
    main()
