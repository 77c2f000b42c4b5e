// Start, stop, restart and delete a bot, wherever it is shown. Spread into components.
import { api } from "../api.js";
import { text } from "../dom.js";
import { attempt, confirmed } from "../feedback.js";

const changed = () => document.dispatchEvent(new CustomEvent("fleet-changed"));

export const botActions = {
  async startBot(bot) {
    await attempt(() => api.post(`/api/v1/bots/${bot.id}/start`), "bot_starting");
    changed();
  },
  async stopBot(bot) {
    const values = { name: `@${bot.username}` };
    if (!(await confirmed(text("stop_bot.title", values), text("stop_bot.text", values), text("stop_bot.action")))) return;
    await attempt(() => api.post(`/api/v1/bots/${bot.id}/stop`), "bot_stopping");
    changed();
  },
  async restartBot(bot) {
    await attempt(() => api.post(`/api/v1/bots/${bot.id}/restart`), "bot_restarting");
    changed();
  },
  async deleteBot(bot, then = "") {
    const values = { name: `@${bot.username}` };
    if (!(await confirmed(text("delete_bot.title", values), text("delete_bot.text", values), text("delete_bot.action")))) return;
    const [ok] = await attempt(() => api.remove(`/api/v1/bots/${bot.id}`), "bot_deleted");
    if (ok && then) window.location.assign(then);
    changed();
  },
  modeText: (bot) => text(`mode.${bot.mode}`),
  isWanted: (bot) => bot.desired_running,
  isStopped: (bot) => !bot.desired_running,
  botPage: (bot) => `/panel/bots/${bot.id}`,
};
