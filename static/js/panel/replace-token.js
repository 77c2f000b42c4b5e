import { api } from "../api.js";
import { text } from "../dom.js";
import { toast } from "../feedback.js";
import { dialogForm } from "./form.js";

document.addEventListener("alpine:init", () => {
  // A new token for a bot whose token Telegram rejects; opened by the event "replace-token".
  Alpine.data("replaceToken", () => ({
    ...dialogForm,
    id: 0,
    name: "",
    token: "",
    init() {
      document.addEventListener("replace-token", ({ detail }) => {
        Object.assign(this, { id: detail.id, name: `@${detail.username}`, token: "" });
        this.open();
      });
    },
    send() {
      this.submitting(async () => {
        await api.put(`/api/v1/bots/${this.id}/token`, { token: this.token.trim() });
        this.token = "";
        toast(text("token_replaced"));
        this.close();
        document.dispatchEvent(new CustomEvent("fleet-changed"));
      });
    },
  }));
});
