/* One message as nodes: text with entities, file placeholder, time, inline buttons. No markup strings. */
"use strict";

const Message = {
  tags: { bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", pre: "pre",
    blockquote: "blockquote", spoiler: "mark" },

  render(message, press, pay) {
    const item = Page.make("div", "msg" + (message.direction === "in" ? " mine" : ""));
    item.id = "m" + message.message_id;
    item.append(Message.bubble(message));
    if (message.buttons.length && !message.deleted) item.append(Message.buttons(message, press, pay));
    return item;
  },

  bubble(message) {
    if (message.deleted) return Page.make("div", "bubble gone", Page.words.deleted);
    const bubble = Page.make("div", "bubble");
    if (message.kind !== "text") bubble.append(Page.make("div", "file", Page.words[message.kind]));
    Message.text(bubble, message.text, message.entities);
    bubble.append(Message.time(message));
    return bubble;
  },

  time(message) {
    const date = new Date(message.date * 1000);
    const clock = date.toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
    const node = Page.make("time", "", (message.edited ? Page.words.edited + " " : "") + clock);
    node.dateTime = date.toISOString();
    return node;
  },

  text(target, text, entities) {
    let at = 0;
    for (const entity of entities.filter((one) => one.type !== "bot_command")) {
      if (entity.offset < at) continue;
      target.append(text.slice(at, entity.offset), Message.entity(entity, text));
      at = entity.offset + entity.length;
    }
    target.append(text.slice(at));
  },

  entity(entity, text) {
    const part = text.slice(entity.offset, entity.offset + entity.length);
    if (entity.type !== "text_link") return Page.make(Message.tags[entity.type] || "span", "", part);
    return Message.link(part, entity.url);
  },

  link(text, url) {
    const link = Page.make("a", "", text);
    if (/^https?:\/\//.test(url)) link.href = url;
    link.rel = "noopener noreferrer";
    link.target = "_blank";
    return link;
  },

  buttons(message, press, pay) {
    const box = Page.make("div", "inline");
    for (const row of message.buttons) {
      const line = Page.make("div");
      for (const button of row) line.append(Message.button(message, button, press, pay));
      box.append(line);
    }
    return box;
  },

  button(message, button, press, pay) {
    if (button.url) return Message.link(button.text + " ↗", button.url);
    const node = Page.make("button", "", button.text);
    node.addEventListener("click", () => (button.pay ? pay(message, node) : press(message, button.data, node)));
    return node;
  },
};
