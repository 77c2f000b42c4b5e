"""Flows as files: YAML and texts, out and back to the letter, with mistakes at their lines."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.core.errors import Conflict, InvalidInput
from services.fleet.flows.exchange import check_yaml, create_from_yaml, flow_yaml, save_yaml
from services.fleet.flows.fields import NewFlow
from services.fleet.flows.flows import create_flow, get_flow
from services.fleet.flows.text_file import change_flow_texts, check_flow_texts, flow_texts
from services.fleet.flows.yaml_file import parsed, written
from services.platform.accounts.principal import Principal
from services.platform.platform import Platform
from tests.services.fleet.pools.fleet import new_account

WORDS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40
).filter(lambda text: bool(text.strip()))
SALES: dict[str, Any] = {
    "start": "hello",
    "steps": [
        {
            "key": "hello",
            "messages": [
                {
                    "kind": "text",
                    "text": "Olá {first_name},\n\n## no header\nyes: no",
                    "buttons": [[{"kind": "step", "text": "Quero", "step": "bye"}]],
                }
            ],
        },
        {"key": "bye", "messages": [{"kind": "photo", "media": "https://example.org/a.png"}]},
    ],
}


@pytest.fixture
def owner(platform: Platform) -> Principal:
    return new_account(platform)


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=3), st.integers(0, 10**12), WORDS)
def test_a_document_comes_back_from_yaml_to_the_letter(texts: list[str], seconds: int, value: str) -> None:
    steps: list[dict[str, Any]] = [
        {"key": f"s{n}", "messages": [{"text": text}]} for n, text in enumerate(texts)
    ]
    steps[0]["then"] = {"kind": "end"}
    steps[0]["after"] = 1 + seconds % 1000
    document = {"start": "s0", "steps": steps, "variables": {"no": value, "yes": "on"}}
    assert parsed(written(document)) == document


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("start: a\nsteps:\n- key: a\n  mesages: []\n", "flow_field_unknown", 4),
        ("start: a\nsteps:\n- key: a\n  then:\n    kind: goto\n    step: A B\n", "flow_field_wrong", 6),
        ("start: a\nsteps: [\n", "yaml_malformed", 2),
        ("start: a\nstart: b\n", "yaml_duplicate_key", 2),
        ("- a\n", "yaml_no_mapping", 1),
        ("", "file_empty", 1),
    ],
)
def test_a_file_with_a_mistake_is_refused_with_its_line(text: str, code: str, line: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        parsed(text)
    assert (refused.value.code, refused.value.text.values["line"]) == (code, line)
    assert "bot" not in refused.value.message


def test_a_file_becomes_a_flow_and_a_draft(platform: Platform, owner: Principal) -> None:
    flow = create_from_yaml(platform, owner, "Sales", None, written(SALES))
    assert (flow.key, flow.draft) == ("sales", SALES)
    assert parsed(flow_yaml(platform, owner, flow.id)) == SALES
    changed = flow_yaml(platform, owner, flow.id).replace("Quero", "Sim")
    assert save_yaml(platform, owner, flow.id, changed, 1).draft_revision == 2
    with pytest.raises(Conflict):
        save_yaml(platform, owner, flow.id, written(SALES), 1)


def test_findings_of_a_file_are_told_by_line(platform: Platform, owner: Principal) -> None:
    text = "start: a\nsteps:\n- key: a\n  messages:\n  - text: <b>hi\n  then: {kind: goto, step: b}\n"
    found = [(each["line"], each["code"]) for each in check_yaml(platform, owner, text)]
    assert found == [(5, "text_tag_unclosed"), (6, "flow_step_missing")]
    assert [each["line"] for each in check_yaml(platform, owner, "a: [")] == [1]


def test_texts_come_back_to_the_letter_and_changes_are_shown_first(
    platform: Platform, owner: Principal
) -> None:
    flow = create_flow(platform, owner, NewFlow(name="Sales", document=SALES))
    file = flow_texts(platform, owner, flow.id)
    assert "## hello.messages.0.buttons.0.0.text\nQuero\n" in file
    assert change_flow_texts(platform, owner, flow.id, file, if_plan=None)["changes"] == []
    changed = file.replace("Quero", "Quero já").replace(
        "## bye.messages.0.text\n", "## bye.messages.0.text\nTchau\n"
    )
    shown = change_flow_texts(platform, owner, flow.id, changed, if_plan=None)
    assert [(each["old"], each["new"]) for each in shown["changes"]] == [("Quero", "Quero já"), ("", "Tchau")]
    assert get_flow(platform, owner, flow.id).draft == SALES
    done = change_flow_texts(platform, owner, flow.id, changed, if_plan=shown["plan"])
    assert done["applied"]
    draft = get_flow(platform, owner, flow.id).draft
    assert draft["steps"][0]["messages"][0]["buttons"][0][0]["text"] == "Quero já"
    assert draft["steps"][1]["messages"][0] == SALES["steps"][1]["messages"][0] | {"text": "Tchau"}
    with pytest.raises(Conflict) as refused:
        change_flow_texts(platform, owner, flow.id, file, if_plan=shown["plan"])
    assert refused.value.code == "plan_changed"


def test_mistakes_in_texts_are_told_by_line_and_change_nothing(platform: Platform, owner: Principal) -> None:
    flow = create_flow(platform, owner, NewFlow(name="Sales", document=SALES))
    file = flow_texts(platform, owner, flow.id)
    wrong = file.replace("yes: no", "yes: <b>no").replace("Quero", "") + "## away.messages.0.text\nx\n"
    found = [(each["line"], each["code"]) for each in check_flow_texts(platform, owner, flow.id, wrong)]
    lines = wrong.split("\n")
    assert found == [
        (lines.index("## hello.messages.0.buttons.0.0.text") + 1, "flow_field_wrong"),
        (lines.index("## away.messages.0.text") + 1, "texts_unknown"),
    ]
    tagged = file.replace("yes: no", "yes: <b>no")
    found = [(each["line"], each["code"]) for each in check_flow_texts(platform, owner, flow.id, tagged)]
    assert found == [(tagged.split("\n").index("yes: <b>no") + 1, "text_tag_unclosed")]
    with pytest.raises(InvalidInput) as refused:
        change_flow_texts(platform, owner, flow.id, tagged, if_plan=None)
    assert refused.value.code == "text_tag_unclosed"


def test_texts_of_an_incomplete_draft_wait_until_it_is_whole(platform: Platform, owner: Principal) -> None:
    flow = create_flow(platform, owner, NewFlow(name="Sales", document={"steps": []}))
    with pytest.raises(InvalidInput) as refused:
        flow_texts(platform, owner, flow.id)
    assert refused.value.code == "flow_incomplete"
