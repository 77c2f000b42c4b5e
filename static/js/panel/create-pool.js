import { api } from "../api.js";
import { initial, text } from "../dom.js";
import { toast } from "../feedback.js";
import { doToAll } from "./bulk-bots.js";
import { dialogForm } from "./form.js";

const slugOf = (name) =>
  name
    .normalize("NFD")
    .replace(/[\u0300-\u036f]/g, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 50);

document.addEventListener("alpine:init", () => {
  Alpine.data("createPool", () => ({
    ...dialogForm,
    bots: [],
    name: "",
    slug: "",
    ownSlug: false,
    strategy: "round_robin",
    chosen: [],
    init() {
      document.addEventListener("create-pool", () => this.start());
      if (window.location.hash === "#create") this.start();
    },
    async start() {
      Object.assign(this, { name: "", slug: "", ownSlug: false, chosen: this.preset() });
      this.open();
      this.bots = (await api.get("/panel/live/bots/names")).bots;
    },
    preset() {
      const bot = this.$root.dataset.bot;
      return bot ? [bot] : [];
    },
    named() {
      if (!this.ownSlug) this.slug = slugOf(this.name);
    },
    slugged() {
      this.ownSlug = true;
    },
    get noBots() {
      return this.bots.length === 0;
    },
    get address() {
      return `/go/${this.slug || "…"}`;
    },
    send() {
      this.submitting(async () => {
        if (this.chosen.length === 0) throw new Error(text("pool_needs_bot"));
        const pool = await api.post("/api/v1/redirect-pools", { name: this.name, slug: this.slug, strategy: this.strategy });
        const answer = await doToAll("add_to_pool", this.chosen.map(Number), { pool_id: pool.id });
        const refused = (answer?.items ?? []).find((item) => !item.ok);
        if (refused) toast(refused.detail, "error");
        window.location.assign(`/panel/pools/${pool.id}`);
      });
    },
  }));
});
