"""Whatever a configuration says is written as YAML that the reader takes for the same, and for nothing else."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from services.fleet.configuration.document import AccessEntry, AccessLists, BotConfiguration
from services.fleet.declared.bot_file import read_configuration
from services.fleet.declared.yaml_writer import written

MISLEADING = (
    *("y", "on", "No", "null", "~", "0123", "1:30", "1e5", "0x1F", "true", ".inf", "${X}", "$${X}"),
    *(
        "a: b",
        "- x",
        "  lead",
        "trail  ",
        "a\n\n b\n",
        "\n",
        "x\n\n",
        "tab\tx",
        "a\r\nb",
        "#c",
        "a #c",
        "?",
        "-",
    ),
    *("'q'", '"q"', "&a", "*b", "!t", "%d", "@x", "`", "|", ">", "[", "{", "a\\b", "---", "..."),
    *("👋\nπ", "\x1f", "\x85x", "a\u2028b", "\ufeffa"),
)
TEXTS = st.sampled_from(MISLEADING) | st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40
)


@settings(max_examples=150, deadline=None)
@given(name=TEXTS, description=TEXTS, note=TEXTS)
def test_what_is_written_is_read_back_to_the_letter(name: str, description: str, note: str) -> None:
    access = AccessLists(blocked_users=[5, AccessEntry(user=6, until=None, note=note)])
    document = BotConfiguration(name=name, description=description, access=access)
    text = written(document, "# schema")
    back = read_configuration(text.encode())
    assert back == document
    assert written(back, "# schema") == text
