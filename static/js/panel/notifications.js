import { api } from "../api.js";
import { ago, initial, moment } from "../dom.js";
import { attempt } from "../feedback.js";
import { looks } from "../status.js";
import { follow, liveness } from "./liveness.js";

const EVERY_MS = 5000;
const AT_WORK_MS = 10000; // from the last move or key in the list

/** The rows that are shown, as they are now; what is new waits. */
function sameRows(shown, now) {
  const known = new Map(now.map((item) => [item.id, item]));
  return shown.map((item) => known.get(item.id) ?? item);
}

document.addEventListener("alpine:init", () => {
  Alpine.data("notifications", () => ({
    ...looks,
    ...liveness,
    items: [],
    unread: 0,
    touchedAt: 0,
    init() {
      this.take(initial(this.$root));
      follow(this, "/panel/live/notifications", EVERY_MS, (data) => this.take(data));
    },
    take(data) {
      this.items = this.isAtWork() ? sameRows(this.items, data.notifications) : data.notifications;
      this.unread = data.unread;
      document.dispatchEvent(new CustomEvent("unread", { detail: data.unread }));
    },
    /** Whether somebody is at work in the list: what is new would move what they are about to press. */
    isAtWork() {
      return Date.now() - this.touchedAt < AT_WORK_MS;
    },
    touch() {
      this.touchedAt = Date.now();
    },
    leave() {
      this.touchedAt = 0;
    },
    async mark(body) {
      const [ok, data] = await attempt(() => api.post("/panel/live/notifications/read", body));
      if (ok) this.take(data);
    },
    read(item) {
      return this.mark({ ids: item.ids });
    },
    readAll() {
      return this.mark({});
    },
    isNew: (item) => !item.read,
    rowClass(item) {
      return `${this.levelClass(item.level)} ${item.read ? "" : "is-unread"}`;
    },
    when: (item) => `${ago(item.at)} · ${moment(item.at)}`,
    get allRead() {
      return this.unread === 0;
    },
    get some() {
      return this.items.length > 0;
    },
    get none() {
      return this.items.length === 0;
    },
  }));
});
