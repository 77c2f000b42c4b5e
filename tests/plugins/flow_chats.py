"""Chats with a bot that plays a flow, and the parts that flows of tests are made of."""

from __future__ import annotations

from typing import Any

from plugins.flow import FlowPlugin
from plugins.flows.document import FlowDocument
from plugins.testing import Chat

Steps = list[dict[str, Any]]


def button(kind: str, text: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "text": text, **more}


def to(step: str, text: str) -> dict[str, Any]:
    return button("step", text, step=step)


def said(text: str, *buttons: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"text": text, "buttons": [[each] for each in buttons], **more}


def document(*steps: dict[str, Any], **more: Any) -> FlowDocument:
    return FlowDocument.model_validate({"start": steps[0]["key"], "steps": steps, **more})


HELLO = {"key": "hello", "messages": [said("Hi {first_name}", to("offer", "More"))]}
OFFER = {"key": "offer", "messages": [said("R$ 10")]}


def chat_with(*steps: dict[str, Any], **more: Any) -> Chat:
    """Ana's chat with a bot that plays these steps."""
    chat = Chat(FlowPlugin, {"flow": "main"})
    chat.store.publish_flow("main", document(*steps, **more))
    return chat


def step_of(chat: Chat) -> tuple[str, str]:
    run = chat.store.runs[chat.id]
    return run.step, str(run.status)
