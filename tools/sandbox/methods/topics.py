"""Topics of a group that is a forum, as bots make and change them; what writing into one is refused with."""

from __future__ import annotations

from tools.sandbox.errors import bad_request
from tools.sandbox.methods.chats import find_chat
from tools.sandbox.model import Bot, Conversation, Group, Json, Topic
from tools.sandbox.params import Params
from tools.sandbox.world import World

COLOURS = (0x6FB9F0, 0xFFD67E, 0xCB86DB, 0x8EEE98, 0xFF93B2, 0xFB6F5F)
"""Bot API: what icon_color of createForumTopic may be; the first is what a topic has without one."""
LONGEST_NAME = 128


def create(world: World, bot: Bot, params: Params) -> Json:
    """createForumTopic: Telegram's ``ForumTopic``. ApiError 400 for what is no forum, and without the right to."""
    group = _forum(world, bot, params)
    if bot.id not in group.topic_managers:
        raise bad_request("not enough rights to create a topic")
    name = params.text("name").strip()[:LONGEST_NAME]
    if not name:
        raise bad_request("title must be non-empty")
    colour = params.integer("icon_color", COLOURS[0])
    if colour not in COLOURS:
        raise bad_request("invalid icon color specified")
    topic = Topic(
        world.next_group_message_id(group), name, colour, bot.id, params.text("icon_custom_emoji_id")
    )
    group.topics[topic.id] = topic
    for member in (world.bots[each] for each in group.bots):
        chat = member.conversations.setdefault(group.id, Conversation(group.as_chat(), started=True))
        world.keep_message(
            chat, topic_service_message(world, bot.as_user(), chat, topic), outgoing=member is bot
        )
    _record(world, bot, "createForumTopic", params)
    return topic.as_topic()


def topic_service_message(world: World, maker: Json, chat: Conversation, topic: Topic) -> Json:
    """The message with which a topic begins; its number is the topic's."""
    made = {name: value for name, value in topic.as_topic().items() if name != "message_thread_id"}
    return {
        "message_id": topic.id,
        "from": maker,
        "chat": chat.chat,
        "date": int(world.clock.now()),
        "message_thread_id": topic.id,
        "is_topic_message": True,
        "forum_topic_created": made,
    }


def edit(world: World, bot: Bot, params: Params) -> bool:
    """editForumTopic. ApiError 400 for an unknown topic, without the right to, and when nothing changes."""
    topic = _own(world, bot, params)
    name = params.text("name").strip()[:LONGEST_NAME] or topic.name
    icon = params.text("icon_custom_emoji_id", topic.icon)
    if (name, icon) == (topic.name, topic.icon):
        raise bad_request("TOPIC_NOT_MODIFIED")
    topic.name, topic.icon = name, icon
    _record(world, bot, "editForumTopic", params)
    return True


def close(world: World, bot: Bot, params: Params) -> bool:
    """closeForumTopic: only who may manage topics, or has made this one, writes into it then."""
    return _set_closed(world, bot, params, "closeForumTopic", is_closed=True)


def reopen(world: World, bot: Bot, params: Params) -> bool:
    """reopenForumTopic."""
    return _set_closed(world, bot, params, "reopenForumTopic", is_closed=False)


def delete(world: World, bot: Bot, params: Params) -> bool:
    """deleteForumTopic, with all that stands in it."""
    topic = _own(world, bot, params)
    world.delete_topic(world.groups[params.integer("chat_id")], topic.id)
    _record(world, bot, "deleteForumTopic", params)
    return True


def thread_of(world: World, bot: Bot, chat: Conversation, params: Params) -> int:
    """The topic that a message goes to, 0 for none. ApiError 400 for one that is not there, or is closed to this bot."""
    number, group = params.integer("message_thread_id"), world.groups.get(chat.chat["id"])
    if not number or group is None:
        return 0  # topics of private chats are not played
    topic = group.topics.get(number)
    if topic is None:
        raise bad_request("message thread not found")
    if topic.is_closed and not _may_change(group, topic, bot):
        raise bad_request("TOPIC_CLOSED")
    return number


def _set_closed(world: World, bot: Bot, params: Params, method: str, *, is_closed: bool) -> bool:
    topic = _own(world, bot, params)
    if topic.is_closed == is_closed:
        raise bad_request("TOPIC_NOT_MODIFIED")
    topic.is_closed = is_closed
    _record(world, bot, method, params)
    return True


def _forum(world: World, bot: Bot, params: Params) -> Group:
    group = world.groups.get(find_chat(world, bot, params).chat["id"])
    if group is None or not group.is_forum:
        raise bad_request("the chat is not a forum")
    return group


def _own(world: World, bot: Bot, params: Params) -> Topic:
    """The topic of a call that changes it."""
    group = _forum(world, bot, params)
    topic = group.topics.get(params.integer("message_thread_id"))
    if topic is None:
        raise bad_request("TOPIC_ID_INVALID")
    if not _may_change(group, topic, bot):
        raise bad_request("not enough rights to edit the topic")
    return topic


def _may_change(group: Group, topic: Topic, bot: Bot) -> bool:
    return bot.id in group.topic_managers or topic.made_by == bot.id


def _record(world: World, bot: Bot, method: str, params: Params) -> None:
    given = {name: value for name, value in params.values.items() if name != "chat_id"}
    world.journal.add(world.clock.now(), bot.id, bot.username, method, params.integer("chat_id"), None, given)


METHODS = {
    "createForumTopic": create,
    "editForumTopic": edit,
    "closeForumTopic": close,
    "reopenForumTopic": reopen,
    "deleteForumTopic": delete,
}
