import { confirmed } from "../feedback.js";

document.addEventListener("alpine:init", () => {
  // A plain form that asks before it is sent.
  Alpine.data("confirmForm", () => ({
    async ask(event) {
      event.preventDefault();
      const { title, text, action } = this.$root.dataset;
      if (await confirmed(title, text, action)) this.$root.submit();
    },
  }));
});
