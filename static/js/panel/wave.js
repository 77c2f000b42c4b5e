// The ban wave that stands in a pool: what happened, who stepped in, and taking it back. Spread into the pool's component.
import { api } from "../api.js";
import { language, moment, text } from "../dom.js";
import { attempt, confirmed } from "../feedback.js";

export const list = new Intl.ListFormat(language, { type: "conjunction" });

export const banWave = {
  wave: null,
  named(bots, described) {
    const members = this.members.filter((member) => bots.includes(member.bot_id));
    return list.format(members.map(described));
  },
  promotedNames() {
    return this.named(this.wave?.promoted ?? [], (member) => `@${member.username}`);
  },
  hasWave() {
    return Boolean(this.wave);
  },
  wavePage() {
    const all = `/panel/pools/${this.id}/waves`;
    return this.wave?.id ? `${all}/${this.wave.id}` : all;
  },
  waveLost() {
    if (!this.wave) return "";
    const lost = this.named(this.wave.lost, (member) => `@${member.username} (${this.statusText(member.status)})`);
    return text(lost ? "wave.lost" : "wave.lost_unnamed", { time: moment(this.wave.at), lost });
  },
  wavePromoted() {
    const promoted = this.promotedNames();
    return text(promoted ? "wave.promoted" : "wave.nobody", { promoted });
  },
  waveEnd() {
    return endOf(this.promotedNames());
  },
  alarmText() {
    const since = this.status.conversion_alarm_at;
    return since ? text("why.conversion_alarm", { time: moment(since) }) : "";
  },
  async revertWave() {
    await revert(this.id, this.status.name, this.promotedNames());
    this.refresh();
  },
};

/** What the button that ends a wave says: where nobody stepped in there is nothing to revert. */
export const endOf = (promoted) => text(promoted ? "wave.revert.action" : "wave.close");

/** Take a wave's promotions back, after the question; `promoted` names the bots that become backups again. Where nobody
 *  stepped in only the notice is closed, without a question. */
export async function revert(poolId, pool, promoted) {
  const question = text("wave.revert.text", { promoted });
  if (promoted && !(await confirmed(text("wave.revert.title", { pool }), question, text("wave.revert.action")))) return;
  await attempt(() => api.post(`/api/v1/redirect-pools/${poolId}/wave/revert`), promoted ? "wave_reverted" : "wave_closed");
}
