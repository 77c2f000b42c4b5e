import { api } from "../api.js";
import { money, text } from "../dom.js";
import { attempt } from "../feedback.js";

const TONES = { recorded: "is-online", failed: "is-offline" };

document.addEventListener("alpine:init", () => {
  Alpine.data("tryWebhook", () => ({
    body: "",
    busy: false,
    read: null,
    async send() {
      this.busy = true;
      const [ok, found] = await attempt(() => api.post(`/api/v1/payment-webhooks/${this.$root.dataset.id}/test`, { body: this.body }));
      this.busy = false;
      if (ok) this.read = found;
    },
    toneOf: (read) => TONES[read?.result] ?? "is-idle",
    resultOf: (read) => (read ? text(`call.${read.result}`) : ""),
    get reason() {
      return this.read?.reason ?? "";
    },
    get isGoal() {
      return Boolean(this.read?.goal);
    },
    get goal() {
      return this.read?.goal ?? "";
    },
    get value() {
      return this.read?.amount_micros === null || !this.read ? "–" : money(this.read.amount_micros, this.read.currency);
    },
    get person() {
      return this.read?.telegram_id ?? this.read?.click_id ?? "–";
    },
    get event() {
      return this.read?.event_id ?? "";
    },
  }));
});
