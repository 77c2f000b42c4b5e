"""Machines are told from people by thousands of agents that others met (`corpus/NOTICE.md`), and by their forms."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from models import Audience
from services.traffic.clicks.audience import LONGEST_AGENT, agent_class
from services.traffic.clicks.declared import begins_as_program, declares_itself
from tests.services.traffic.clicks import agents

CORPUS = Path(__file__).parent / "corpus"
MOST_MACHINES_MISSED = 0.03
MOST_PEOPLE_WRONG = 0.0005


def machines() -> list[tuple[str, str]]:
    """Class and agent of each known machine."""
    lines = (CORPUS / "machines.tsv").read_text().splitlines()[1:]
    return [(kind, agent) for kind, _, agent in (line.partition("\t") for line in lines)]


def people() -> list[str]:
    return (CORPUS / "people.txt").read_text().splitlines()


def is_person(agent: str) -> bool:
    return agent_class(agent[:LONGEST_AGENT])[0] is Audience.HUMAN


def test_the_corpus_is_large_and_each_agent_stands_in_it_once() -> None:
    known = machines()
    assert len({agent for _, agent in known}) == len(known) > 2000
    assert len(set(people())) == len(people()) > 2000
    assert len({kind for kind, _ in known}) > 10


def test_less_than_three_of_a_hundred_machines_count_as_people() -> None:
    known = machines()
    missed = [agent for _, agent in known if is_person(agent)]
    assert len(missed) / len(known) < MOST_MACHINES_MISSED, missed


def test_no_class_of_machines_is_missed_by_a_quarter() -> None:
    known = machines()
    total = Counter(kind for kind, _ in known)
    missed = Counter(kind for kind, agent in known if is_person(agent))
    assert {kind: count for kind, count in missed.items() if count > total[kind] / 4} == {}


def test_hardly_a_browser_is_taken_for_a_machine() -> None:
    known = people()
    wrong = [agent for agent in known if not is_person(agent)]
    assert len(wrong) / len(known) < MOST_PEOPLE_WRONG, wrong


@pytest.mark.parametrize(("audience", "agent"), agents.SELF_DECLARED)
def test_a_machine_that_declares_itself_needs_no_list(audience: Audience, agent: str) -> None:
    assert agent_class(agent)[0] is audience


@pytest.mark.parametrize("form", agents.MODEL_FORMS)
@pytest.mark.parametrize("model", agents.MODELS)
def test_a_telephone_that_is_called_like_a_machine_is_a_persons(model: str, form: str) -> None:
    assert agent_class(form.format(model=model))[0] is Audience.HUMAN


@pytest.mark.parametrize("agent", agents.ODD_PEOPLE)
def test_odd_browsers_are_peoples(agent: str) -> None:
    assert agent_class(agent)[0] is Audience.HUMAN


def test_the_forms_alone_know_most_of_what_the_lists_missed() -> None:
    unknown = ("A360-Search", "Zykotra", "Foo-Reader")
    assert all(begins_as_program(f"{name}/1.0") for name in unknown)
    assert all(declares_itself(f"{agents.WINDOWS} (compatible; {name})") for name in unknown)
    assert not any(declares_itself(agent) or begins_as_program(agent) for agent in people())
