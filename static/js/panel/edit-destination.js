import { api } from "../api.js";
import { initial, text } from "../dom.js";
import { attempt, toast } from "../feedback.js";
import { dialogForm } from "./form.js";

const PATH = "/api/v1/notification-destinations";
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const blank = (kind, bot) => ({ kind, bot_id: bot, name: "", address: "", url: "", is_enabled: true, min_level: "", pool_id: "", isQuiet: false, from: "22:00", until: "07:00", time_zone: zone, critical_passes: true });

document.addEventListener("alpine:init", () => {
  Alpine.data("editDestination", () => ({
    ...dialogForm,
    id: 0,
    form: blank("telegram", ""),
    ownRules: false,
    shown: null,
    init() {
      document.addEventListener("edit-destination", (event) => this.start(event.detail));
    },
    start(item) {
      this.id = item?.id ?? 0;
      this.shown = null;
      this.ownRules = item ? item.rules.length > 1 || item.rules.some((rule) => rule.kind) : false;
      this.form = item ? this.filled(item) : blank("telegram", initial(this.$root, "bot") ?? "");
      this.open();
    },
    filled(item) {
      const rule = item.rules[0] ?? {};
      return {
        ...blank(item.kind, String(item.bot_id ?? "")),
        ...item.quiet,
        name: item.name,
        address: item.kind === "webhook" ? "" : item.address,
        is_enabled: item.is_enabled,
        isQuiet: item.quiet !== null,
        min_level: rule.min_level ?? "",
        pool_id: String(rule.pool_id ?? ""),
      };
    },
    values() {
      const { form } = this;
      const values = { name: form.name, quiet: form.isQuiet ? { from: form.from, until: form.until, time_zone: form.time_zone, critical_passes: form.critical_passes } : null };
      if (!this.ownRules) values.rules = this.rules();
      if (form.kind === "webhook" && form.url) values.url = form.url.trim();
      if (form.kind !== "webhook" && (form.address || !this.id)) values.address = form.address.trim();
      if (this.id) return { ...values, is_enabled: form.is_enabled };
      const bot = form.kind === "telegram" && form.bot_id ? { bot_id: Number(form.bot_id) } : {};
      return { ...values, ...bot, kind: form.kind };
    },
    rules() {
      const { min_level, pool_id } = this.form;
      if (!min_level && !pool_id) return [];
      return [{ min_level: min_level || null, pool_id: pool_id ? Number(pool_id) : null }];
    },
    send() {
      this.submitting(async () => {
        const made = this.id ? await api.patch(`${PATH}/${this.id}`, this.values()) : await api.post(PATH, this.values());
        document.dispatchEvent(new CustomEvent("destinations-changed"));
        this.show(made);
      });
    },
    async renew() {
      const [ok, made] = await attempt(() => api.post(`${PATH}/${this.id}/secret`));
      if (ok) this.show(made);
    },
    show(made) {
      if (made.secret || made.link) {
        this.shown = made;
        return;
      }
      toast(text("saved"));
      this.close();
    },
    get isNew() {
      return this.id === 0;
    },
    get isOld() {
      return this.id !== 0;
    },
    get filling() {
      return this.shown === null;
    },
    get showing() {
      return this.shown !== null;
    },
    get secret() {
      return this.shown?.secret ?? "";
    },
    get link() {
      return this.shown?.link?.url ?? "";
    },
    get command() {
      return this.shown?.link?.command ?? "";
    },
    get isTelegram() {
      return this.form.kind === "telegram";
    },
    get isEmail() {
      return this.form.kind === "email";
    },
    get isWebhook() {
      return this.form.kind === "webhook";
    },
    get hasSecret() {
      return this.isOld && (this.isWebhook || (this.isTelegram && this.form.bot_id !== ""));
    },
    get urlHint() {
      return text(this.isOld ? "destination.url_stays" : "destination.url_hint");
    },
  }));
});
