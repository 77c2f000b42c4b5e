// The ban wave that stands in a pool: what happened, who stepped in, and taking it back. Spread into the pool's component.
import { api } from "../api.js";
import { language, moment, text } from "../dom.js";
import { attempt, confirmed } from "../feedback.js";

const list = new Intl.ListFormat(language, { type: "conjunction" });

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
  waveLost() {
    if (!this.wave) return "";
    const lost = this.named(this.wave.lost, (member) => `@${member.username} (${this.statusText(member.status)})`);
    return text(lost ? "wave.lost" : "wave.lost_unnamed", { time: moment(this.wave.at), lost });
  },
  wavePromoted() {
    const promoted = this.promotedNames();
    return text(promoted ? "wave.promoted" : "wave.nobody", { promoted });
  },
  alarmText() {
    const since = this.status.conversion_alarm_at;
    return since ? text("why.conversion_alarm", { time: moment(since) }) : "";
  },
  async revertWave() {
    const promoted = this.promotedNames();
    const question = text(promoted ? "wave.revert.text" : "wave.revert.text_nobody", { promoted });
    if (!(await confirmed(text("wave.revert.title", { pool: this.status.name }), question, text("wave.revert.action")))) return;
    await attempt(() => api.post(`/api/v1/redirect-pools/${this.id}/wave/revert`), "wave_reverted");
    this.refresh();
  },
};
