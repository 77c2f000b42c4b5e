import { api } from "../api.js";
import { text } from "../dom.js";

const PAUSE_MS = 400; // after the last key before the server is asked

// What Telegram would show of each plugin's texts. Spread into a component that has `bot`, `items` and `check()`.
export const textPreview = {
  looks: {}, // plugin -> {config as text, texts, refusal}
  timer: 0,
  lookSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.lookAtAll();
      this.check();
    }, PAUSE_MS);
  },
  lookAtAll() {
    this.items.filter((plugin) => this.isOpen(plugin)).forEach((plugin) => this.look(plugin));
  },
  async look(plugin) {
    const known = this.looks[plugin.name];
    const config = JSON.stringify(plugin.config);
    if (known?.config === config) return;
    let look;
    try {
      const shown = await api.post(`/api/v1/bots/${this.bot}/texts/preview`, { plugin: plugin.name, config: plugin.config });
      look = { config, texts: shown.items, refusal: "" };
    } catch (error) {
      look = { config, texts: known?.texts ?? [], refusal: text("preview.refused", { reason: error.message }) };
    }
    if (JSON.stringify(plugin.config) === config) this.looks[plugin.name] = look;
  },
  previewOf(plugin) {
    return this.looks[plugin.name]?.texts ?? [];
  },
  previewId: (plugin) => `preview-${plugin.name}`,
  hasPreview(plugin) {
    return this.previewOf(plugin).length > 0;
  },
  refusalOf(plugin) {
    return this.looks[plugin.name]?.refusal ?? "";
  },
  isStale(plugin) {
    return this.refusalOf(plugin) !== "";
  },
  staleClass(plugin) {
    return this.isStale(plugin) ? "is-stale" : "";
  },
  blockClass: (block) => `block-${block.kind}`,
  runClass: (run) => run.styles.map((style) => `run-${style}`).join(" "),
  tryText(plugin, item) {
    const detail = { bot: this.bot, plugin: plugin.name, config: plugin.config, field: item.field };
    document.dispatchEvent(new CustomEvent("test-text", { detail }));
  },
};
