"""Topics of a forum: what a bot can do with them, and what it is refused."""

from __future__ import annotations

from typing import Any

from tests.tools.sandbox.conftest import Sandbox


def test_a_forum_has_topics_and_refuses_in_telegrams_words(sandbox: Sandbox) -> None:
    bot, guest, user = sandbox.bot(), sandbox.bot(), sandbox.user()
    names = [bot["username"], guest["username"]]

    def group(**spec: Any) -> int:
        made = sandbox.control("POST", "/groups", {"bots": names, **spec})["group"]
        return int(made["id"])

    plain, forum = group(), group(forum=True, topic_managers=names[:1])

    def ask(method: str, chat_id: int = forum, *, by: dict[str, Any] = bot, **params: Any) -> Any:
        answer = sandbox.call(by["token"], method, chat_id=chat_id, **params)
        return answer["result"] if answer["ok"] else answer["description"].removeprefix("Bad Request: ")

    assert ask("getChat")["is_forum"] is True
    assert ask("createForumTopic", plain, name="Ana") == "the chat is not a forum"
    assert ask("createForumTopic", user, name="Ana") == "the chat is not a forum"
    assert ask("createForumTopic", by=guest, name="Ana") == "not enough rights to create a topic"
    assert ask("createForumTopic", name=" ") == "title must be non-empty"
    topic = ask("createForumTopic", name="Ana")
    thread = topic["message_thread_id"]
    assert topic == {"message_thread_id": thread, "name": "Ana", "icon_color": 0x6FB9F0}
    sent = ask("sendMessage", text="a", message_thread_id=thread)
    assert (sent["message_thread_id"], sent["is_topic_message"]) == (thread, True)
    assert "message_thread_id" not in ask("sendMessage", text="a")
    assert ask("sendMessage", text="a", message_thread_id=99_999) == "message thread not found"
    assert ask("sendMessage", plain, text="a", message_thread_id=thread) == "message thread not found"
    for method in ("editForumTopic", "closeForumTopic", "reopenForumTopic", "deleteForumTopic"):
        assert ask(method, message_thread_id=99_999, name="x") == "TOPIC_ID_INVALID"
        refused = ask(method, by=guest, message_thread_id=thread, name="x")
        assert refused == "not enough rights to edit the topic"
    assert ask("editForumTopic", message_thread_id=thread, name="Ana B.") is True
    assert ask("editForumTopic", message_thread_id=thread, name="Ana B.") == "TOPIC_NOT_MODIFIED"
    assert ask("closeForumTopic", message_thread_id=thread) is True
    assert ask("closeForumTopic", message_thread_id=thread) == "TOPIC_NOT_MODIFIED"
    assert ask("sendMessage", by=guest, text="a", message_thread_id=thread) == "TOPIC_CLOSED"
    assert ask("sendMessage", text="who manages topics writes all the same", message_thread_id=thread)
    assert ask("reopenForumTopic", message_thread_id=thread) is True
    sandbox.control("POST", f"/groups/{forum}/send", {"user_id": user, "text": "hi", "topic": thread})
    [heard] = sandbox.call(guest["token"], "getUpdates")["result"]
    assert (heard["message"]["message_thread_id"], heard["message"]["is_topic_message"]) == (thread, True)
    assert heard["message"]["reply_to_message"]["forum_topic_created"]["name"] == "Ana"
    assert ask("deleteForumTopic", message_thread_id=thread) is True
    assert ask("sendMessage", text="a", message_thread_id=thread) == "message thread not found"
