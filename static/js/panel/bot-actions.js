// Start, stop, restart and delete a bot, wherever it is shown. Spread into components.
import { api } from "../api.js";
import { hasText, language, text } from "../dom.js";
import { attempt, confirmed } from "../feedback.js";

const LOST = ["banned", "offline"];
const REJECTED = ["unauthorized", "not_found", "frozen"];
const list = new Intl.ListFormat(language, { type: "conjunction" });
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
  /** Why a bot is not well: the sentence of its cause, the same on every page, else what was written down. */
  reasonOf: (bot) => (hasText(`cause.${bot.cause}`) ? text(`cause.${bot.cause}`) : bot.status_reason),
  isLost: (bot) => LOST.includes(bot.state),
  needsToken: (bot) => !bot.is_manager && REJECTED.includes(bot.cause), // the manager's is MANAGER_BOT_TOKEN
  replaceToken: (bot) => document.dispatchEvent(new CustomEvent("replace-token", { detail: { id: bot.bot_id ?? bot.id, username: bot.username } })),
  async rotateToken(bot) {
    const values = { name: `@${bot.username}` };
    if (!(await confirmed(text("rotate_token.title", values), text("rotate_token.text"), text("rotate_token.action")))) return;
    await attempt(() => api.post(`/api/v1/bots/${bot.id}/token/rotation`), "token_rotated");
    changed();
  },
  async leavePools(bot) {
    const values = { name: `@${bot.username}`, pools: list.format(bot.pools.map((pool) => pool.name)) };
    if (!(await confirmed(text("leave_pools.title", values), text("leave_pools.text", values), text("remove_member.action")))) return;
    for (const pool of bot.pools) await attempt(() => api.remove(`/api/v1/redirect-pools/${pool.id}/bots/${bot.id}`), "member_removed");
    changed();
  },
  hasPools: (bot) => bot.pools.length > 0,
  courseOf: (bot) => (bot.pools.length > 0 ? `/panel/pools/${bot.pools[0].id}#timeline-title` : ""),
  modeText: (bot) => text(`mode.${bot.mode}`),
  isWanted: (bot) => bot.desired_running,
  isStopped: (bot) => !bot.desired_running,
  botPage: (bot) => `/panel/bots/${bot.id}`,
};
