import { api } from "../api.js";
import { dialogForm } from "./form.js";

document.addEventListener("alpine:init", () => {
  // A link that makes a bot by one tap; opened by the event "new-bot". On a pool's page it is for that pool.
  Alpine.data("newBot", () => ({
    ...dialogForm,
    pool: "",
    link: "",
    username: "",
    init() {
      this.pool = this.$root.dataset.pool;
      document.addEventListener("new-bot", () => {
        this.link = "";
        this.open();
      });
    },
    get isAsking() {
      return !this.link;
    },
    get suggested() {
      return `@${this.username}`;
    },
    send() {
      this.submitting(async () => {
        const body = this.pool ? { pool_id: Number(this.pool) } : {};
        const made = await api.post("/api/v1/bots/creation-links", body);
        this.username = made.username;
        this.link = made.link;
      });
    },
    paste() {
      this.close();
      if (document.querySelector("[x-data=addBot]")) document.dispatchEvent(new CustomEvent("add-bot"));
      else window.location.assign("/panel/bots#add");
    },
  }));
});
