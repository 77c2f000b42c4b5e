import { api } from "../api.js";
import { initial, text } from "../dom.js";
import { toast } from "../feedback.js";
import { dialogForm } from "./form.js";

document.addEventListener("alpine:init", () => {
  Alpine.data("addBot", () => ({
    ...dialogForm,
    token: "",
    mode: "",
    pool: "",
    init() {
      document.addEventListener("add-bot", () => {
        this.token = "";
        this.open();
      });
      if (window.location.hash === "#add") this.open();
    },
    send() {
      this.submitting(async () => {
        const body = { token: this.token.trim() };
        if (this.mode) body.mode = this.mode;
        const bot = await api.post("/api/v1/bots", body);
        toast(text("bot_added", { name: `@${bot.username}` }));
        await this.join(bot);
        this.close();
        document.dispatchEvent(new CustomEvent("fleet-changed"));
      });
    },
    async join(bot) {
      if (!this.pool) return;
      try {
        await api.post(`/api/v1/redirect-pools/${this.pool}/bots`, { bot_id: bot.id });
      } catch (error) {
        toast(text("bot_not_joined", { reason: error.message }), "error"); // the bot itself is there
      }
    },
  }));
});
