import { api } from "../api.js";
import { ago, initial, moment } from "../dom.js";
import { attempt } from "../feedback.js";
import { looks } from "../status.js";
import { follow, liveness } from "./liveness.js";

const EVERY_MS = 5000;

/** What is shown, as it is now. */
function changed(shown, now) {
  const known = new Map(now.map((item) => [item.id, item]));
  return shown.map((item) => known.get(item.id) ?? item);
}

document.addEventListener("alpine:init", () => {
  Alpine.data("notifications", () => ({
    ...looks,
    ...liveness,
    items: [],
    unread: 0,
    pointed: false,
    init() {
      this.take(initial(this.$root));
      follow(this, "/panel/live/notifications", EVERY_MS, (data) => this.take(data));
    },
    take(data) {
      this.items = this.isInHand() ? changed(this.items, data.notifications) : data.notifications;
      this.unread = data.unread;
      document.dispatchEvent(new CustomEvent("unread", { detail: data.unread }));
    },
    /** What is new waits then, for it would move what somebody is about to press. */
    isInHand() {
      return this.pointed || this.$refs.list?.matches(":focus-within");
    },
    point(event) {
      this.pointed = event.type === "pointerenter" && event.pointerType === "mouse"; // a finger does not hover
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
