import { symbol, text } from "../dom.js";

const ORDER = ["auto", "light", "dark"];
const SYMBOLS = { auto: "auto", light: "sun", dark: "moon" };

document.addEventListener("alpine:init", () => {
  Alpine.data("themeSwitch", () => ({
    wanted: window.flotillaTheme.read(),
    get symbol() {
      return symbol(SYMBOLS[this.wanted]);
    },
    get label() {
      return text(`theme.${this.wanted}`);
    },
    next() {
      this.choose(ORDER[(ORDER.indexOf(this.wanted) + 1) % ORDER.length]);
    },
    choose(wanted) {
      this.wanted = wanted;
      window.flotillaTheme.set(wanted);
    },
    is(wanted) {
      return this.wanted === wanted;
    },
  }));
});
