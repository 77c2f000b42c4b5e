import { api } from "../api.js";
import { initial, text } from "../dom.js";
import { toast } from "../feedback.js";
import { dialogForm } from "./form.js";
import { likeChoice } from "./like-choice.js";

document.addEventListener("alpine:init", () => {
  Alpine.data("addBot", () => ({
    ...dialogForm,
    ...likeChoice,
    token: "",
    mode: "",
    pool: "",
    init() {
      document.addEventListener("add-bot", () => {
        this.token = "";
        this.show();
      });
      if (window.location.hash === "#add") this.show();
    },
    show() {
      this.open();
      this.readOthers();
    },
    send() {
      this.submitting(async () => {
        const body = { token: this.token.trim() };
        if (this.mode) body.mode = this.mode;
        if (this.like) body.like = Number(this.like);
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
