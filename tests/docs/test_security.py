"""docs/security.md answers every requirement of ASVS 5.0, levels 1 and 2, and shows what is there."""

from __future__ import annotations

import re

from launch.programs import ROOT

PAGE = (ROOT / "docs/security.md").read_text()
ROW = re.compile(r"^\| ([\d., ]+) \| ([^|]+) \| ([^|]+) \| ([^|]*) \|$", re.MULTILINE)
ANSWERS = {"met", "in part", "not applicable", "**not met**"}
# Section -> its requirements of levels 1 and 2 (ASVS 5.0.0): 253 in all.
REQUIRED = {
    **{"1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2},
    **{"2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1},
    **{"3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5, "3.7": 2},
    **{"4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4},
    **{"5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3},
    **{"6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4},
    **{"7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2},
    **{"8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1},
    **{"9.1": 3, "9.2": 4},
    **{"10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3},
    **{"11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1},
    **{"12.1": 3, "12.2": 2, "12.3": 4},
    **{"13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5},
    **{"14.1": 2, "14.2": 4, "14.3": 3},
    **{"15.1": 3, "15.2": 3, "15.3": 7},
    **{"16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3},
    **{"17.1": 1, "17.2": 4, "17.3": 2},
}
FOLDERS = "|".join(
    (
        "blueprints",
        "deploy",
        "docs",
        "jobs",
        "launch",
        "services",
        "static",
        "templates",
        "tests",
        "tools",
        "web",
    )
)
NAMED = re.compile(rf"`((?:{FOLDERS})/[^`]*)`")


def test_every_requirement_of_levels_one_and_two_is_answered_once() -> None:
    answered = [number for numbers, *_ in ROW.findall(PAGE) for number in numbers.split(", ")]
    wanted = [f"{section}.{number}" for section, last in REQUIRED.items() for number in range(1, last + 1)]
    assert len(wanted) == 253
    assert answered == wanted
    assert {answer for _, _, answer, _ in ROW.findall(PAGE)} <= ANSWERS


def test_what_is_met_or_met_in_part_says_where_or_what_is_missing() -> None:
    for numbers, _, answer, why in ROW.findall(PAGE):
        assert why.strip(), numbers
        if answer == "met":
            assert NAMED.search(why) or "](#" in why or "`make " in why or "`SESSION_HOURS`" in why, numbers


def test_every_file_that_is_named_exists() -> None:
    named = set(NAMED.findall(PAGE))
    assert len(named) > 50
    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_every_place_of_the_page_that_is_linked_to_exists() -> None:
    heads = {
        re.sub(r"[^\w -]", "", head.lower()).strip().replace(" ", "-")
        for head in re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= heads


def test_the_counts_of_the_page_are_those_of_its_rows() -> None:
    found = dict.fromkeys(ANSWERS, 0)
    for numbers, _, answer, _ in ROW.findall(PAGE):
        found[answer] += len(numbers.split(", "))
    said = (
        f"{found['met']} met, {found['in part']} met in part, {found['**not met**']} not met, "
        f"{found['not applicable']} not applicable"
    )
    assert said in PAGE
