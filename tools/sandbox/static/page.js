/* What every page needs: words, calls to the control API, a toast, avatars' tones. */
"use strict";

const Page = {
  words: JSON.parse(document.body.dataset.words),
  user: document.body.dataset.user,
  toastTimer: 0,

  say(name, values) {
    return Page.words[name].replace(/\{(\w+)\}/g, (_all, key) => String((values || {})[key] ?? ""));
  },

  async call(method, path, body) {
    const options = { method, headers: {} };
    if (method !== "GET") {
      options.headers["Content-Type"] = "application/json";
      options.body = JSON.stringify(body || {});
    }
    const answer = await fetch("/sandbox/api" + path, options);
    const values = await answer.json();
    if (answer.ok) return values;
    const error = new Error(values.message || answer.statusText);
    error.status = answer.status;
    throw error;
  },

  toast(text) {
    const box = document.getElementById("toast");
    box.textContent = text;
    box.hidden = false;
    clearTimeout(Page.toastTimer);
    Page.toastTimer = setTimeout(() => { box.hidden = true; }, 4000);
  },

  make(tag, className, text) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  },

  tone(name) {
    let sum = 0;
    for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 997;
    return String(sum % 6);
  },

  avatar(name, label) {
    const node = Page.make("span", "avatar", label.slice(0, 1));
    node.dataset.tone = Page.tone(name);
    node.setAttribute("aria-hidden", "true");
    return node;
  },

  chip(status) {
    return Page.make("span", "chip " + status, Page.words[status]);
  },
};

for (const node of document.querySelectorAll(".avatar[data-name]")) node.dataset.tone = Page.tone(node.dataset.name);
