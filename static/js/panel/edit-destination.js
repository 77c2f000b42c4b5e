import { api } from "../api.js";
import { initial, text } from "../dom.js";
import { attempt } from "../feedback.js";
import { dialogForm } from "./form.js";
import { mixed } from "./mixing.js";
import { shownOnce } from "./shown-once.js";

const PATH = "/api/v1/notification-destinations";
const LOOK_MS = 2000; // how soon a chat that was just connected is noticed
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const blank = (kind, bot) => ({ kind, bot_id: bot, reserve_bot_id: "", name: "", address: "", url: "", is_enabled: true, min_level: "", pool_id: "", isQuiet: false, from: "22:00", until: "07:00", time_zone: zone, critical_passes: true });

document.addEventListener("alpine:init", () => {
  Alpine.data("editDestination", () => mixed(dialogForm, shownOnce, {
    form: blank("telegram", ""),
    before: {},
    ownRules: false,
    init() {
      document.addEventListener("edit-destination", (event) => this.start(event.detail));
    },
    start(item) {
      this.id = item?.id ?? 0;
      this.shown = null;
      this.ownRules = item ? item.rules.length > 1 || item.rules.some((rule) => rule.kind) : false;
      this.form = item ? this.filled(item) : blank("telegram", initial(this.$root, "bot") ?? "");
      this.before = item ? { ...this.form } : blank("telegram", "");
      this.open();
    },
    filled(item) {
      const rule = item.rules[0] ?? {};
      return {
        ...blank(item.kind, String(item.bot_id ?? "")),
        ...item.quiet,
        reserve_bot_id: String(item.reserve_bot_id ?? ""),
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
      if (this.id) return { ...values, ...this.senders(), is_enabled: form.is_enabled };
      return { ...values, ...this.senders(), kind: form.kind };
    },
    /** The bots that write; of an old destination only those that were changed. */
    senders() {
      const { form, before } = this;
      if (form.kind !== "telegram") return {};
      const bots = {};
      if (form.bot_id && form.bot_id !== before.bot_id) bots.bot_id = Number(form.bot_id);
      if (form.reserve_bot_id !== before.reserve_bot_id) bots.reserve_bot_id = form.reserve_bot_id ? Number(form.reserve_bot_id) : null;
      return bots;
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
      if (this.showOnce(made, Boolean(made.secret || made.link || made.reserve_link))) this.follow();
    },
    /** Look whether Start was pressed, as long as the dialog waits for it. */
    follow() {
      window.setTimeout(async () => {
        const { shown } = this;
        if (!shown || !this.$root.open || !(this.awaitsStart || this.awaitsReserve)) return;
        try {
          const now = await api.get(`${PATH}/${shown.id}`);
          if (this.shown === shown) this.shown = { ...shown, ...now };
          if (now.awaits_start !== shown.awaits_start || now.reserve_linked !== shown.reserve_linked) document.dispatchEvent(new CustomEvent("destinations-changed"));
        } catch {
          // the page's own polling tells that the server is away
        }
        this.follow();
      }, LOOK_MS);
    },
    get awaitsStart() {
      return Boolean(this.shown?.link && this.shown.awaits_start);
    },
    get awaitsReserve() {
      return Boolean(this.shown?.reserve_link && !this.shown.reserve_linked);
    },
    get link() {
      return this.shown?.link?.url ?? "";
    },
    get command() {
      return this.shown?.link?.command ?? "";
    },
    get reserveLink() {
      return this.shown?.reserve_link?.url ?? "";
    },
    get reserveCommand() {
      return this.shown?.reserve_link?.command ?? "";
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
