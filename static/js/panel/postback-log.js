import { api } from "../api.js";
import { initial, moment, text } from "../dom.js";
import { attempt, toast } from "../feedback.js";
import { poll } from "../live.js";

const EVERY_MS = 5000;
const TONES = { sent: "is-online", pending: "is-checking", failed: "is-offline", skipped: "is-idle" };

document.addEventListener("alpine:init", () => {
  Alpine.data("postbackLog", () => ({
    items: [],
    busy: false,
    again: () => {},
    async repeat() {
      this.busy = true;
      const [ok, found] = await attempt(() => api.post(`/api/v1/postbacks/${this.$root.dataset.id}/deliveries/repeat`));
      this.busy = false;
      if (ok) toast(text("postback.repeated", { count: found.repeated }));
      this.again();
    },
    init() {
      const { id } = this.$root.dataset;
      this.items = initial(this.$root);
      this.again = poll(`/panel/live/postbacks/${id}`, EVERY_MS, (data) => (this.items = data.items), () => {});
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
    get hasFailed() {
      return this.items.some((item) => item.status === "failed");
    },
    get none() {
      return this.items.length === 0;
    },
  }));
});
