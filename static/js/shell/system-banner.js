import { text } from "../dom.js";

document.addEventListener("alpine:init", () => {
  Alpine.data("systemBanner", () => ({
    problems: [],
    init() {
      document.addEventListener("system", (event) => (this.problems = event.detail));
      this.problems = JSON.parse(this.$root.dataset.problems || "[]");
    },
    get shown() {
      return this.problems.length > 0;
    },
    get message() {
      return this.problems.map((name) => text(`away.${name}`)).join(" ");
    },
  }));
});
