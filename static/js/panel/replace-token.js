import { api } from "../api.js";
import { text } from "../dom.js";
import { toast } from "../feedback.js";
import { dialogForm } from "./form.js";

document.addEventListener("alpine:init", () => {
  // A new token for a bot whose token Telegram rejects; opened by the event "replace-token". If it is another bot's, the
  // dialog says what its taking over means, and asks once more.
  Alpine.data("replaceToken", () => ({
    ...dialogForm,
    id: 0,
    name: "",
    token: "",
    another: "",
    init() {
      document.addEventListener("replace-token", ({ detail }) => {
        Object.assign(this, { id: detail.id, name: `@${detail.username}`, token: "", another: "" });
        this.open();
      });
    },
    get isPlain() {
      return !this.another;
    },
    typed() {
      this.another = "";
    },
    send() {
      this.submitting(async () => {
        const asked = this.another;
        if (!(await this.put(asked !== ""))) return;
        this.token = this.another = "";
        this.close();
        if (asked && window.location.pathname === `/panel/bots/${this.id}`) window.location.reload(); // its head has the name
        toast(text(asked ? "identity_replaced" : "token_replaced"));
        document.dispatchEvent(new CustomEvent("fleet-changed"));
      });
    },
    /** Whether it was done; false where the question comes first. */
    async put(isAgreed) {
      try {
        await api.put(`/api/v1/bots/${this.id}/token`, { token: this.token.trim(), new_identity: isAgreed });
      } catch (error) {
        if (error.code !== "token_of_another_bot") throw error;
        this.another = error.message;
        return false;
      }
      return true;
    },
  }));
});
