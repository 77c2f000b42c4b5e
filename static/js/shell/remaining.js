import { ago, text } from "../dom.js";

document.addEventListener("alpine:init", () => {
  // How long something lasts yet: `data-until` is its end. Gone when that is over.
  Alpine.data("remaining", () => ({
    left: "",
    isOn: true,
    init() {
      this.tell();
      this.timer = setInterval(() => this.tell(), 1000);
    },
    destroy() {
      clearInterval(this.timer);
    },
    tell() {
      const { until } = this.$root.dataset;
      this.isOn = new Date(until) > new Date();
      this.left = this.isOn ? text("switch.ends", { when: ago(until) }) : text("switch.over");
    },
  }));
});
