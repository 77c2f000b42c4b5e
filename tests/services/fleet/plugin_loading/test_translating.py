"""A plugin's translations: part of its version, in the person's language, and never in the way of what serves."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.testing import Chat
from services.fleet.plugin_loading.translating import MARK, PluginFolder, joined, parted
from services.fleet.plugin_loading.versions import hash_of
from services.messaging.plugin_kit.checking import check_file
from tests.services.fleet.plugin_loading.authors import Authors, ThisProcess

BODY = (
    'ctx.send(ctx.gettext("Hello, {name}", name=ctx.lead.first_name) + ctx.gettext("") + " "'
    ' + ctx.ngettext("{n} thing", "{n} things", 2))'
)
HEAD = (
    'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    '"Plural-Forms: nplurals=2; plural=(n > 1);\\n"\n\n'
)
PORTUGUESE = (
    HEAD + 'msgid "Hello, {name}"\nmsgstr "Olá, {name}"\n\n'
    'msgid "{n} thing"\nmsgid_plural "{n} things"\nmsgstr[0] "{n} coisa"\nmsgstr[1] "{n} coisas"\n'
)


def said(process: ThisProcess, language: str) -> str:
    """What the version that serves answers to somebody who has this language."""
    chat = Chat(process.catalogue.plugins["one"], language=language, first_name="A&B")
    chat.send("/go")
    return chat.last.text


def test_each_person_is_answered_in_their_language_and_a_changed_translation_is_another_version(
    authors: Authors, process: ThisProcess
) -> None:
    code_alone = authors.write("one", "1", body=BODY)
    process.look()
    assert process.catalogue.custom["one.py"].hash == code_alone
    assert said(process, "pt-br") == "Hello, A&B 2 things"
    authors.save("one.pt_BR.po", PORTUGUESE)
    process.look()
    translated = process.catalogue.custom["one.py"]
    assert translated.hash != code_alone
    for language in ("pt-br", "pt", "pt-PT"):
        assert said(process, language) == "Olá, A&B 2 coisas"
    for language in ("en", "", "ptx", "de"):
        assert said(process, language) == "Hello, A&B 2 things"
    authors.save("one.pt.po", PORTUGUESE.replace("Olá", "Viva"))
    process.look()
    assert [said(process, each)[:4] for each in ("pt-br", "pt", "pt-ao")] == ["Olá,", "Viva", "Viva"]
    (authors.folder / "one.pt.po").rename(authors.folder / "one.es.po")  # same bytes, time and inode
    process.look()
    assert [said(process, each)[:4] for each in ("pt", "es-mx")] == ["Olá,", "Viva"]
    authors.delete("one.es.po")
    authors.delete("one.pt_BR.po")
    process.look()
    assert process.catalogue.custom["one.py"].hash == code_alone
    assert translated.plugin.translations  # who still runs it has it whole


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (PORTUGUESE.replace('msgid "Hello', 'msgidd "Hello', 1), "one.pt_BR.po:6: "),
        (PORTUGUESE.replace("plural=(n > 1)", "plural=__import__('os')"), "one.pt_BR.po: "),
        (PORTUGUESE.encode("utf-16"), "one.pt_BR.po: "),
    ],
)
def test_a_translation_that_cannot_be_read_leaves_the_former_version_serving(
    authors: Authors, process: ThisProcess, broken: str | bytes, reason: str
) -> None:
    authors.write("one", "1", body=BODY)
    authors.save("one.pt_BR.po", PORTUGUESE)
    before = process.look().custom["one.py"]
    (authors.folder / "one.pt_BR.po").write_bytes(broken.encode() if isinstance(broken, str) else broken)
    after = process.look()
    assert after.custom["one.py"] is before
    problem = after.problems["one.py"]
    assert (problem.code, problem.reason.startswith(reason)) == ("plugin_translation_broken", True)
    assert said(process, "pt") == "Olá, A&B 2 coisas"
    authors.save("one.pt_BR.po", PORTUGUESE)
    assert process.look().problems == {}


def test_a_process_that_starts_beside_a_broken_translation_serves_what_served_last_with_its_texts(
    authors: Authors, process: ThisProcess
) -> None:
    authors.write("one", "1", body=BODY)
    authors.save("one.pt_BR.po", PORTUGUESE)
    process.look()
    authors.save("one.pt_BR.po", "no po")
    process.begin()
    process.look()
    assert said(process, "pt") == "Olá, A&B 2 coisas"


@settings(max_examples=60, deadline=None)
@given(
    st.binary().filter(lambda code: MARK not in code),
    st.dictionaries(st.sampled_from(["pt", "en"]), st.binary()),
)
def test_code_and_translations_are_one_source_and_come_apart_again(
    code: bytes, translations: dict[str, bytes]
) -> None:
    source = joined(code, translations)
    assert parted(source) == (code, translations)
    assert (hash_of(source) == hash_of(code)) == (not translations)


CODE = """
from plugins.base import BasePlugin
class P(BasePlugin):
    name, description = "p", "does it"
    def setup_handlers(self, router):
        router.text()(self.say)
        router.error()(self.apologize)
    def apologize(self, error, ctx):
        ctx.send(ctx.gettext("Hello, {name}", name=error), parse_mode=None)
    def say(self, message, ctx):
        ctx.send(ctx.gettext("Hello, {name}", name="x"))
        ctx.send(ctx.ngettext("{n} thing", "{n} things", 2))
plugin = P
"""


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ('msgstr "Olá, {name}"', 'msgstr ""', "p.py:9", "p.pt_BR.po does not translate 'Hello, {name}'"),
        ('msgid "Hello', '#, fuzzy\nmsgid "Hello', "p.py:9", "marked as fuzzy"),
        ('"{n} coisas"', '""', "p.py:12", "does not translate '{n} thing'"),
        ("Olá, {name}", "Olá, {nome} {name}", "p.pt_BR.po:6", "is filled in with no {nome}"),
        ("Olá, {name}", "Olá", "p.pt_BR.po:6", "loses {name}"),
        ("{n} coisas", "{m} coisas", "p.pt_BR.po:9", "is filled in with no {m}"),
        ("Plural", 'X: y\\n"\n"Plural', None, ""),
    ],
)
def test_what_is_wrong_with_a_translation_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, place: str | None, words: str
) -> None:
    (tmp_path / "p.py").write_text(CODE)
    po = tmp_path / "p.pt_BR.po"
    po.write_text(PORTUGUESE)
    assert check_file(tmp_path / "p.py") == []
    assert old in PORTUGUESE
    po.write_text(PORTUGUESE.replace(old, new, 1))
    found = check_file(tmp_path / "p.py")
    if place is None:
        assert found == []
    else:
        assert str(found[0]).startswith(f"{tmp_path}/{place}: ")
        assert words in found[0].what


def test_texts_that_nobody_says_and_files_that_nobody_reads_are_told(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(CODE)
    (tmp_path / "p.pt-BR.po").write_text(PORTUGUESE)
    (tmp_path / "p.pt_BR.po").write_text(PORTUGUESE + '\nmsgid "Bye"\nmsgstr "Tchau"\n')
    found = [str(each).removeprefix(f"{tmp_path}/") for each in check_file(tmp_path / "p.py")]
    assert found[0].startswith("p.pt-BR.po:1: it is not used: a translation is named like p.pt_BR.po")
    assert found[1].startswith("p.pt_BR.po:14: p.py says nothing like 'Bye'")
    assert len(found) == 2


def test_a_translation_without_its_plugin_is_no_file_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "p.pt_BR.po").write_text(PORTUGUESE)
    folder = PluginFolder(tmp_path)
    assert (folder.names(), folder.read("p.py")) == ([], None)


def test_a_class_that_a_test_imports_itself_speaks_out_of_the_files_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "imported_plugin.py").write_text(CODE)
    (tmp_path / "imported_plugin.pt_BR.po").write_text(PORTUGUESE)
    monkeypatch.syspath_prepend(tmp_path)
    module = __import__("imported_plugin")
    chat = Chat(module.P, language="pt")
    chat.send("hi")
    assert chat.texts == ["Olá, x", "2 coisas"]
    chat.send("/nobody knows this command")
    chat.fail("no <more>")
    assert chat.last.text == "Olá, no &lt;more&gt;"  # escaped as the bot's parse mode asks, and sent in none
