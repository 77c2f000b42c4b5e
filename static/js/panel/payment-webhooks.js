import { api } from "../api.js";
import { ago, initial, text } from "../dom.js";
import { attempt, confirmed } from "../feedback.js";
import { dialogForm } from "./form.js";
import { mixed } from "./mixing.js";
import { shownOnce } from "./shown-once.js";

const PATH = "/api/v1/payment-webhooks";
const PATHS = ["person", "click", "event_id", "goal", "value", "currency", "fixed_currency", "only_field", "only_value", "refund_value"];
const blank = () => ({ name: "", is_enabled: true, bot_id: "", signature_header: "X-Signature", secret: "", is_in_cents: false, ...Object.fromEntries(PATHS.map((name) => [name, ""])), goal: "purchase" });
const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

document.addEventListener("alpine:init", () => {
  Alpine.data("paymentWebhooks", () => ({
    items: [],
    init() {
      this.items = initial(this.$root);
      document.addEventListener("webhooks-changed", () => this.load());
    },
    async load() {
      const [ok, found] = await attempt(() => api.get(`${PATH}?limit=200`));
      if (ok) this.items = found.items;
    },
    add: () => tell("edit-webhook", null),
    edit: (item) => tell("edit-webhook", item),
    async remove(item) {
      if (!(await confirmed(text("delete_webhook.title", { name: item.name }), text("delete_webhook.text"), text("delete_webhook.action")))) return;
      await attempt(() => api.remove(`${PATH}/${item.id}`), "webhook.deleted");
      this.load();
    },
    pageOf: (item) => `/panel/payment-webhooks/${item.id}`,
    stateText: (item) => text(item.is_enabled ? "postback.on" : "postback.off"),
    stateClass: (item) => (item.is_enabled ? "is-online" : "is-idle"),
    lastText: (item) => (item.last_call_at ? text("webhook.last_call", { when: ago(item.last_call_at) }) : ""),
    isRefused: (item) => item.last_refused_at && (!item.last_call_at || item.last_refused_at > item.last_call_at),
    refusedText: (item) => (item.last_refused_at ? text("webhook.refused", { when: ago(item.last_refused_at) }) : ""),
    get some() {
      return this.items.length > 0;
    },
    get none() {
      return this.items.length === 0;
    },
  }));

  Alpine.data("editWebhook", () => mixed(dialogForm, shownOnce, {
    form: blank(),
    mapping: {},
    init() {
      document.addEventListener("edit-webhook", (event) => this.start(event.detail));
    },
    start(item) {
      this.id = item?.id ?? 0;
      this.shown = null;
      this.mapping = item?.mapping ?? {};
      this.form = item ? { ...blank(), ...item.mapping, name: item.name, is_enabled: item.is_enabled, signature_header: item.signature_header } : blank();
      this.open();
    },
    values() {
      const { form } = this;
      const mapping = { ...this.mapping, ...Object.fromEntries(PATHS.map((name) => [name, form[name].trim()])), is_in_cents: form.is_in_cents };
      const values = { name: form.name, signature_header: form.signature_header, mapping };
      if (form.secret) values.secret = form.secret;
      if (this.id) return { ...values, is_enabled: form.is_enabled };
      return form.bot_id ? { ...values, bot_id: Number(form.bot_id) } : values;
    },
    send() {
      this.submitting(async () => {
        const made = this.id ? await api.patch(`${PATH}/${this.id}`, this.values()) : await api.post(PATH, this.values());
        tell("webhooks-changed");
        this.showOnce(made);
      });
    },
    get url() {
      return this.shown?.url ?? "";
    },
  }));
});
