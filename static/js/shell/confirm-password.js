import { api } from "../api.js";

document.addEventListener("alpine:init", () => {
  // Asks for the password, or a code where the page has a field for one, when a request needs a fresh sign-in; requests that come meanwhile share the answer.
  Alpine.data("confirmPassword", () => ({
    typed: "",
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
        await api.post("/login/confirm", new URLSearchParams({ [this.$root.querySelector("[autofocus]").name]: this.typed }));
        this.$root.close("confirmed");
      } catch (error) {
        this.failure = error.message;
      }
      this.typed = "";
      this.busy = false;
    },
    cancel() {
      this.$root.close("");
    },
    closed() {
      const confirmed = this.$root.returnValue === "confirmed";
      this.typed = "";
      this.waiting.splice(0).forEach((resolve) => resolve(confirmed));
    },
    get invalid() {
      return this.failure ? "true" : "false";
    },
  }));
});
