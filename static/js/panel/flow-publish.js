// Publishing: what it means for the people inside, where those of removed steps go, and the way back to an older version.
import { api } from "../api.js";
import { counted, moment, text } from "../dom.js";
import { attempt, toast } from "../feedback.js";

const STALE = ["draft_changed", "flow_published", "moves_missing", "move_unknown"]; // what was shown holds no more

// Mixed into the editor.
export const flowPublish = {
  impact: null,
  moves: {},
  targets: [],
  bringsBack: 0, // the number of an older version, 0: the draft is published
  publishing: false,
  publishRefusal: "",
  versions: [],
  versionsRead: false,
  get path() {
    return `/api/v1/flows/${this.flow.id}`;
  },
  async openPublish() {
    if (!(await this.flush())) return;
    this.bringsBack = 0;
    await this.openImpact();
  },
  async openBringBack(version) {
    this.$refs.versions.close();
    this.bringsBack = version.number;
    await this.openImpact();
  },
  async openImpact() {
    this.publishRefusal = "";
    this.impact = null;
    this.moves = {};
    if (await this.lookAtImpact()) this.$refs.publish.showModal();
  },
  async lookAtImpact() {
    const [ok, found] = await attempt(async () => {
      const place = this.bringsBack ? `/versions/${this.bringsBack}` : "";
      const impact = await api.get(`${this.path}${place}/impact`);
      const whole = this.bringsBack ? (await api.get(`${this.path}${place}`)).document : (await api.get(this.path)).draft;
      return { impact, whole };
    });
    if (!ok) return false;
    this.targets = (found.whole.steps ?? []).map((each) => ({ key: each.key, name: each.title || each.key }));
    const known = new Set(this.targets.map((each) => each.key));
    this.moves = Object.fromEntries(found.impact.removed.map(({ step }) => [step, known.has(this.moves[step]) ? this.moves[step] : ""]));
    this.impact = found.impact;
    return true;
  },
  get publishTitle() {
    return this.bringsBack ? text("flow.back.title", { number: this.bringsBack }) : text("flow.publish.title");
  },
  get publishAction() {
    return this.bringsBack ? text("flow.back.action") : text("flow.publish.action");
  },
  get impactErrors() {
    return (this.impact?.findings ?? []).filter((each) => each.severity === "error");
  },
  get impactWarnings() {
    return (this.impact?.findings ?? []).filter((each) => each.severity !== "error");
  },
  get hasImpactErrors() {
    return this.impactErrors.length > 0;
  },
  get hasImpactWarnings() {
    return this.impactWarnings.length > 0;
  },
  get cannotPublish() {
    return this.publishing || this.hasImpactErrors;
  },
  get removedSteps() {
    return this.impact?.removed ?? [];
  },
  get removesSteps() {
    return this.removedSteps.length > 0;
  },
  removedName: (removed) => removed.title || removed.step,
  standingText: (removed) => (removed.people ? counted("flow.standing", removed.people) : text("flow.nobody")),
  moveLabel: (removed) => text("flow.move_to", { step: removed.title || removed.step }),
  moveTo(removed, event) {
    this.moves[removed.step] = event.target.value;
  },
  isMove(removed, target) {
    return this.moves[removed.step] === target.key;
  },
  get botsText() {
    const bots = this.impact?.bots ?? [];
    if (bots.length === 0) return text("flow.no_bots");
    return counted("flow.bots_get", bots.length, { bots: bots.map((bot) => `@${bot.username}`).join(", ") });
  },
  goToFromPublish(finding) {
    this.$refs.publish.close();
    this.goTo(finding);
  },
  async publish() {
    if (this.cannotPublish) return;
    this.publishing = true;
    this.publishRefusal = "";
    const moves = Object.fromEntries(Object.entries(this.moves).map(([step, target]) => [step, target || null]));
    const { version, revision } = this.impact;
    try {
      const path = this.bringsBack ? `/versions/${this.bringsBack}/restore` : "/publish";
      const { number } = await api.post(this.path + path, this.bringsBack ? { version, moves } : { version, revision, moves });
      this.$refs.publish.close();
      toast(text("flow.published", { number }));
      await this.afterPublishing();
      if (!this.flow.bots) await this.openPlayers();
    } catch (error) {
      this.publishRefusal = error.message;
      if (STALE.includes(error.code)) await this.lookAtImpact();
    } finally {
      this.publishing = false;
    }
  },
  async afterPublishing() {
    const [ok, { draft: _draft, ...flow } = {}] = await attempt(() => api.get(this.path));
    if (ok) Object.assign(this.flow, flow);
  },
  // Versions
  async openVersions() {
    this.$refs.versions.showModal();
    this.versionsRead = false;
    const [ok, found] = await attempt(() => api.get(`${this.path}/versions?limit=100`));
    if (ok) Object.assign(this, { versions: found.items, versionsRead: true });
  },
  get noVersions() {
    return this.versionsRead && this.versions.length === 0;
  },
  versionTitle: (version) => text("flow.version", { number: version.number }),
  versionText(version) {
    const by = text("flow.published_by", { when: moment(version.published_at), who: version.by });
    return version.restores ? `${by} · ${text("flow.restores", { number: version.restores })}` : by;
  },
  bringBackLabel: (version) => text("flow.back.label", { number: version.number }),
  /** The document of an older version as the draft; undo takes it back. */
  async editVersion(version) {
    const [ok, found] = await attempt(() => api.get(`${this.path}/versions/${version.number}`));
    if (!ok) return;
    this.$refs.versions.close();
    this.replaceForm(found.document);
    toast(text("flow.edited", { number: version.number }));
  },
  closePublish() {
    this.$refs.publish.close();
  },
  closeVersions() {
    this.$refs.versions.close();
  },
};
