"""What the panel's files promise: integrity of vendored ones, templates within the CSP and within Alpine's CSP build."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest
from flask import Flask

from blueprints.panel import assets
from blueprints.panel.texts import script_texts
from services.platform.redis.jobs import JobQueue

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "static"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted((STATIC / "js").rglob("*.js"))
VENDORED = [value for value in vars(assets).values() if isinstance(value, assets.Vendored)]
ALPINE_ATTRIBUTE = re.compile(r"""\s(?:x-[a-z]+[\w:.-]*|:[a-z-]+)="([^"]*)\"""")
BEYOND_THE_CSP_BUILD = ("=>", "`", "?.", "??", ";", "window.", "document.", "Math.", "JSON.")


def integrity(file: Path) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(file.read_bytes()).digest()).decode()


@pytest.mark.parametrize("vendored", VENDORED, ids=lambda vendored: vendored.path)
def test_a_vendored_file_is_the_one_its_integrity_names(vendored: assets.Vendored) -> None:
    assert integrity(STATIC / vendored.path) == vendored.integrity
    assert vendored.integrity in (STATIC / "vendor" / "VENDORED.md").read_text()
    assert (STATIC / vendored.path).with_name("LICENSE").exists()


def test_every_vendored_script_and_style_is_declared() -> None:
    files = {str(file.relative_to(STATIC)) for file in (STATIC / "vendor").rglob("*.*s")}
    assert files == {vendored.path for vendored in VENDORED}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda file: file.name)
def test_a_template_has_no_inline_script_style_or_handler(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", text)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda file: file.name)
def test_an_alpine_attribute_stays_within_what_the_csp_build_evaluates(template: Path) -> None:
    expressions = [found.group(1) for found in ALPINE_ATTRIBUTE.finditer(template.read_text())]
    assert [text for text in expressions for sign in BEYOND_THE_CSP_BUILD if sign in text] == []


def test_every_component_a_template_names_is_defined_once() -> None:
    named = {name for file in TEMPLATES for name in re.findall(r'x-data="(\w+)"', file.read_text())}
    defined = [name for file in SCRIPTS for name in re.findall(r'Alpine\.data\("(\w+)"', file.read_text())]
    assert named <= set(defined)
    assert len(defined) == len(set(defined))


def test_a_field_of_a_dialog_that_can_be_refused_has_a_place_for_the_reason() -> None:
    for file in TEMPLATES:
        text = file.read_text()
        marked = set(re.findall(r"invalid\('([\w.]+)'\)", text))
        assert marked - set(re.findall(r'field_problem\("([\w.]+)"\)', text)) == set(), file.name


def test_every_queue_has_its_words(app: Flask) -> None:
    with app.test_request_context():
        assert {f"queue.{queue}" for queue in JobQueue} - script_texts().keys() == set()


def test_every_text_and_icon_a_script_names_exists(app: Flask) -> None:
    source = "\n".join(file.read_text() for file in SCRIPTS)
    with app.test_request_context():
        known = script_texts()
    counting = {key for key, forms in known.items() if not isinstance(forms, str)}
    assert set(re.findall(r'\btext\("([\w.-]+)"', source)) - (known.keys() - counting) == set()
    assert set(re.findall(r'\bcounted\("([\w.-]+)"', source)) - counting == set()
    icons = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "img" / "icons.svg").read_text()))
    templates = "\n".join(file.read_text() for file in TEMPLATES)
    assert set(re.findall(r'icon\("([\w-]+)"\)', templates)) - icons == set()
