import { api } from "../api.js";

document.addEventListener("alpine:init", () => {
  // Asks for the password when a request needs a fresh sign-in; requests that come meanwhile share the answer.
  Alpine.data("confirmPassword", () => ({
    password: "",
    failure: "",
    busy: false,
    waiting: [],
    init() {
      document.addEventListener("confirm-password", (event) => this.ask(event.detail));
    },
    ask(resolve) {
      this.waiting.push(resolve);
      if (this.$root.open) return;
      this.failure = "";
      this.$root.returnValue = "";
      this.$root.showModal();
    },
    async send() {
      if (this.busy) return;
      this.busy = true;
      this.failure = "";
      try {
        await api.post("/login/confirm", new URLSearchParams({ password: this.password }));
        this.$root.close("confirmed");
      } catch (error) {
        this.failure = error.message;
      }
      this.password = "";
      this.busy = false;
    },
    cancel() {
      this.$root.close("");
    },
    closed() {
      const confirmed = this.$root.returnValue === "confirmed";
      this.password = "";
      this.waiting.splice(0).forEach((resolve) => resolve(confirmed));
    },
    get invalid() {
      return this.failure ? "true" : "false";
    },
  }));
});
