"""docs/doctor.md, made from the checks themselves: `python -m launch.doctor_page`."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from services.core.i18n import Text, translate
from services.operations.doctor import topics  # noqa: F401 - registers the checks
from services.operations.doctor.check import Check, every

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "doctor.md"
INTRODUCTION = """\
# The doctor

<!-- Written by `make docs` from services/operations/doctor; a test compares. -->

    flask --app wsgi doctor                # look at everything
    flask --app wsgi doctor --fix          # mend what is safe, and look again
    flask --app wsgi doctor --json         # for programs
    flask --app wsgi doctor redis_evicts   # one check, or some

Each check says what is wrong, why it matters and what to do. Exit code 0: nothing is wrong; 1: warnings, or checks that could not look; 2: errors. A check that
could not look is never taken for health. Those of this machine (disk, files, memory, what is installed) hold for the machine that the command runs on: run it where the
processes run.

`--fix` does what costs nothing that is kept: rights of files, settings of Redis until its next start (write them into its configuration too), bells rung again, paths and
snapshots written anew from the database. It touches no token, no setting of ours and no row of a tenant.

From outside: the doctor asks `WEBHOOK_BASE_URL/health/echo`, which signs the nonce it is given. So it knows whether it is this installation that answers there, by which
certificate, and how many proxies stand in front.
"""
HEAD = "\n## {topic}\n\n| Check | Well when | Otherwise | What to do | `--fix` |\n| --- | --- | --- | --- | --- |\n"


def page() -> str:
    """The text of docs/doctor.md."""
    parts = [INTRODUCTION]
    for topic, checks in groupby(every(), key=lambda check: check.topic):
        parts.append(HEAD.format(topic=topic.capitalize()))
        parts += map(_row, sorted(checks, key=lambda check: check.name))
    return "".join(parts)


def _row(check: Check) -> str:
    title = check.title.rstrip(".")
    mends = "mends it" if check.remedy else ""
    return f"| `{check.name}` ({check.severity}) | {title} | {_words(check.why)} | {_words(check.advice)} | {mends} |\n"


def _words(text: Text) -> str:
    return translate(text, "en").replace("|", "\\|")


def main() -> None:
    """Write the page."""
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
