import { api } from "../api.js";
import { ago, initial, symbol, text } from "../dom.js";
import { attempt, confirmed, toast } from "../feedback.js";
import { poll } from "../live.js";

const EVERY_MS = 10000;
const PATH = "/api/v1/postbacks";
const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));
const fails = (item) => item.last_error && (!item.last_sent_at || item.last_error_at > item.last_sent_at);

document.addEventListener("alpine:init", () => {
  Alpine.data("postbackList", () => ({
    items: [],
    testing: 0,
    answer: null,
    init() {
      this.items = initial(this.$root);
      const again = poll(`${PATH}?limit=200`, EVERY_MS, (data) => (this.items = data.items), () => {});
      document.addEventListener("postbacks-changed", again);
    },
    add: () => tell("edit-postback", null),
    edit: (item) => tell("edit-postback", item),
    async test(item) {
      this.testing = item.id;
      this.answer = null;
      const [ok, result] = await attempt(() => api.post(`${PATH}/${item.id}/test`));
      this.testing = 0;
      if (ok) this.answer = result;
      if (ok) toast(this.answerText, result.delivered ? "good" : "error");
      tell("postbacks-changed");
    },
    async remove(item) {
      const values = { name: item.name };
      if (!(await confirmed(text("delete_postback.title", values), text("delete_postback.text"), text("delete_postback.action")))) return;
      await attempt(() => api.remove(`${PATH}/${item.id}`), "postback.deleted");
      tell("postbacks-changed");
    },
    pageOf: (item) => `/panel/postbacks/${item.id}`,
    details(item) {
      const events = item.driver === "google" ? [] : item.events.map((event) => text(`postback.event.${event}`));
      const sent = item.last_sent_at ? text("postback.last_sent", { when: ago(item.last_sent_at) }) : "";
      return [text(`postback.driver.${item.driver}`), events.join(", "), item.goals.join(", "), sent].filter(Boolean).join(" · ");
    },
    stateText: (item) => text(!item.is_enabled ? "postback.off" : fails(item) ? "postback.fails" : "postback.on"),
    stateClass: (item) => (!item.is_enabled ? "is-idle" : fails(item) ? "is-degraded" : "is-online"),
    stateSymbol: (item) => symbol(!item.is_enabled ? "pause" : fails(item) ? "alert" : "check-circle"),
    canTest: (item) => item.driver !== "google",
    isTesting(item) {
      return this.testing === item.id;
    },
    get isBusy() {
      return this.testing !== 0;
    },
    get answerText() {
      if (!this.answer) return "";
      return this.answer.delivered ? text("postback.tested", { status: this.answer.status }) : text("postback.test_failed", { reason: this.answer.error });
    },
    get answerBody() {
      return this.answer?.answer ?? "";
    },
    get some() {
      return this.items.length > 0;
    },
    get none() {
      return this.items.length === 0;
    },
  }));
});
