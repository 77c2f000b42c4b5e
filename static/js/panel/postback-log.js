import { initial, moment, text } from "../dom.js";
import { poll } from "../live.js";

const EVERY_MS = 5000;
const TONES = { sent: "is-online", pending: "is-checking", failed: "is-offline", skipped: "is-idle" };

document.addEventListener("alpine:init", () => {
  Alpine.data("postbackLog", () => ({
    items: [],
    init() {
      const { id } = this.$root.dataset;
      this.items = initial(this.$root);
      poll(`/panel/live/postbacks/${id}`, EVERY_MS, (data) => (this.items = data.items), () => {});
    },
    timeOf: (item) => moment(item.created_at),
    stateText: (item) => text(`postback.state.${item.status}`),
    stateClass: (item) => TONES[item.status],
    reasonOf(item) {
      const again = item.status === "pending" && item.attempts > 0 ? text("postback.again", { when: moment(item.next_attempt_at) }) : "";
      return [item.error || item.answer_status, again].filter(Boolean).join(" · ");
    },
    get some() {
      return this.items.length > 0;
    },
    get none() {
      return this.items.length === 0;
    },
  }));
});
