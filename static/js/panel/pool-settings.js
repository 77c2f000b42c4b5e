import { api } from "../api.js";
import { text } from "../dom.js";
import { attempt, confirmed, toast } from "../feedback.js";
import { dialogForm } from "./form.js";

const FIELDS = ["name", "slug", "strategy", "is_active", "sticky", "start_param", "tracking", "max_bots", "rate_limit_per_minute", "over_limit", "critical_below_percent", "fallback_url", "fallback_pool_id", "spare_count", "naming_pattern"];

document.addEventListener("alpine:init", () => {
  Alpine.data("poolSettings", () => ({
    ...dialogForm,
    id: 0,
    pool: {},
    others: [],
    before: {},
    init() {
      document.addEventListener("pool-settings", (event) => this.start(event.detail.id));
    },
    async start(id) {
      this.id = id;
      const [ok, data] = await attempt(() => api.get(`/panel/live/pools/${id}/settings`));
      if (!ok) return;
      this.before = data.pool;
      this.others = data.others;
      this.pool = { ...data.pool, fallback_url: data.pool.fallback_url ?? "", fallback_pool_id: String(data.pool.fallback_pool_id ?? "") };
      this.open();
    },
    get patternHint() {
      return `${(this.pool.slug ?? "").replace(/[^a-z0-9]+/g, "_")}_{n}_bot`;
    },
    get rulesPage() {
      return `/panel/pools/${this.id}/rules`;
    },
    values() {
      const values = Object.fromEntries(FIELDS.map((field) => [field, this.pool[field]]));
      values.max_bots = Number(values.max_bots);
      values.rate_limit_per_minute = Number(values.rate_limit_per_minute);
      values.critical_below_percent = Number(values.critical_below_percent);
      values.spare_count = Number(values.spare_count);
      values.naming_pattern = values.naming_pattern.trim();
      values.fallback_url = values.fallback_url.trim() || null;
      values.fallback_pool_id = values.fallback_pool_id ? Number(values.fallback_pool_id) : null;
      return Object.fromEntries(Object.entries(values).filter(([field, value]) => value !== this.before[field]));
    },
    send() {
      this.submitting(async () => {
        await api.patch(`/api/v1/redirect-pools/${this.id}`, this.values());
        toast(text("saved"));
        this.close();
        document.dispatchEvent(new CustomEvent("fleet-changed"));
      });
    },
    async remove() {
      const values = { pool: this.before.name, link: `/go/${this.before.slug}` };
      const agreed = await confirmed(text("delete_pool.title", values), text("delete_pool.text", values), text("delete_pool.action"));
      if (!agreed) return;
      const [ok] = await attempt(() => api.remove(`/api/v1/redirect-pools/${this.id}`));
      if (ok) window.location.assign("/panel/pools");
    },
  }));
});
