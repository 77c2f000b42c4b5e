import { api } from "../api.js";
import { dialogForm } from "./form.js";
import { mixed } from "./mixing.js";
import { shownOnce } from "./shown-once.js";

const PATH = "/api/v1/postbacks";
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const blank = () => ({ driver: "url", name: "", is_enabled: true, url: "", method: "GET", needs: "", pixel_id: "", pixel_code: "", secret: "", test_event_code: "", time_zone: zone, star_value: "", star_currency: "USD", names: "", events: ["goal"], goals: "", pool_ids: [] });
const words = (value) => value.split(",").map((word) => word.trim()).filter(Boolean);
const pairs = (value) => Object.fromEntries(value.split("\n").map((line) => line.split("=").map((part) => part.trim())).filter(([name, there]) => name && there));
const lines = (names) => Object.entries(names ?? {}).map(([name, there]) => `${name}=${there}`).join("\n");

document.addEventListener("alpine:init", () => {
  Alpine.data("editPostback", () => mixed(dialogForm, shownOnce, {
    form: blank(),
    init() {
      document.addEventListener("edit-postback", (event) => this.start(event.detail));
    },
    start(item) {
      this.id = item?.id ?? 0;
      this.shown = null;
      this.form = item ? this.filled(item) : blank();
      this.open();
    },
    filled(item) {
      const { names, needs, ...config } = item.config;
      return { ...blank(), ...config, driver: item.driver, name: item.name, is_enabled: item.is_enabled, events: [...item.events], goals: item.goals.join(", "), pool_ids: item.pool_ids.map(String), needs: (needs ?? []).join(", "), names: lines(names) };
    },
    config() {
      const { form } = this;
      const stars = { star_value: form.star_value.trim().replace(",", "."), star_currency: form.star_currency.trim().toUpperCase() };
      const network = { ...stars, test_event_code: form.test_event_code, ...(form.names.trim() ? { names: pairs(form.names) } : {}) };
      return {
        url: { url: form.url.trim(), method: form.method, needs: words(form.needs) },
        webhook: { url: form.url.trim() },
        meta: { pixel_id: form.pixel_id.trim(), ...network },
        tiktok: { pixel_code: form.pixel_code.trim(), ...network },
        google: { ...stars, time_zone: form.time_zone, names: pairs(form.names) },
      }[form.driver];
    },
    values() {
      const { form } = this;
      const values = { name: form.name, events: form.events, goals: words(form.goals), pool_ids: form.pool_ids.map(Number), config: this.config() };
      if (this.isNetwork && form.secret) values.secret = form.secret;
      return this.id ? { ...values, is_enabled: form.is_enabled } : { ...values, driver: form.driver };
    },
    send() {
      this.submitting(async () => {
        const made = this.id ? await api.patch(`${PATH}/${this.id}`, this.values()) : await api.post(PATH, this.values());
        document.dispatchEvent(new CustomEvent("postbacks-changed"));
        this.showOnce(made);
      });
    },
    get isUrl() {
      return this.form.driver === "url";
    },
    get hasUrl() {
      return this.isUrl || this.form.driver === "webhook";
    },
    get isMeta() {
      return this.form.driver === "meta";
    },
    get isTiktok() {
      return this.form.driver === "tiktok";
    },
    get isGoogle() {
      return this.form.driver === "google";
    },
    get isNetwork() {
      return this.isMeta || this.isTiktok;
    },
    get hasNames() {
      return this.isNetwork || this.isGoogle;
    },
  }));
});
