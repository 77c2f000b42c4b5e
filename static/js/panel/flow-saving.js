// Saving the draft by itself: soon after the last key, again and again while the server is away, and never over somebody else's.
import { api } from "../api.js";
import { ago, text } from "../dom.js";
import { attempt, toast } from "../feedback.js";
import { toDocument } from "./flow-form.js";

const PAUSE_MS = 1200; // after the last change
const AGAIN_MS = [2000, 4000, 8000, 16000, 30000]; // while the server can't be reached
const TRY_AGAIN = (error) => error.status === 0 || error.status === 429 || error.status >= 500;
const LOOKS = { saved: "is-online", waiting: "is-checking", saving: "is-checking", offline: "is-degraded", conflict: "is-offline", refused: "is-offline" };

// Mixed into the editor, which has `flow`, `form` and `adopt(flow)`.
export const flowSaving = {
  saving: "saved",
  savedState: "",
  unknown: null, // what was sent when the connection broke: it may have been saved
  refusal: "",
  theirs: null,
  saveTimer: 0,
  failures: 0,
  beginSaving() {
    this.savedState = JSON.stringify(toDocument(this.form));
    window.addEventListener("beforeunload", (event) => this.isUnsaved && event.preventDefault());
    window.addEventListener("online", () => this.saving === "offline" && this.save());
    window.addEventListener("focus", () => this.lookForOthers());
  },
  get isUnsaved() {
    return this.saving !== "saved";
  },
  get savingText() {
    return this.refusal && this.saving === "refused" ? this.refusal : text(`flow.${this.saving}`);
  },
  get savingClass() {
    return LOOKS[this.saving];
  },
  saveSoon() {
    if (this.saving === "conflict") return;
    const same = JSON.stringify(toDocument(this.form)) === this.savedState;
    if (this.saving === "saving") return; // it looks again when it is done
    if (this.saving !== "offline") this.saving = same ? "saved" : "waiting";
    if (this.saving === "waiting") this.saveIn(PAUSE_MS);
  },
  saveIn(pause) {
    clearTimeout(this.saveTimer);
    this.saveTimer = setTimeout(() => this.save(), pause);
  },
  /** Save what stands; whether everything is saved now. */
  async save() {
    clearTimeout(this.saveTimer);
    if (this.saving === "conflict" || this.saving === "saving") return false;
    const state = this.unknown ?? JSON.stringify(toDocument(this.form));
    if (state === this.savedState && !this.unknown) {
      this.saving = "saved";
      return true;
    }
    this.saving = "saving";
    try {
      const saved = await api.put(`/api/v1/flows/${this.flow.id}/draft`, { document: JSON.parse(state), revision: this.flow.revision });
      this.wasSaved(state, saved);
    } catch (error) {
      this.wasNotSaved(state, error);
      return false;
    }
    return this.saving === "saved" || this.save();
  },
  wasSaved(state, { draft, ...saved }) {
    Object.assign(this.flow, saved);
    this.savedState = state;
    this.unknown = null;
    this.failures = 0;
    this.refusal = "";
    this.saving = JSON.stringify(toDocument(this.form)) === state ? "saved" : "waiting";
  },
  wasNotSaved(state, error) {
    if (error.code === "draft_changed") {
      this.lookAtTheirs();
      return;
    }
    if (TRY_AGAIN(error)) {
      this.saving = "offline";
      this.unknown = state;
      this.saveIn(AGAIN_MS[Math.min(this.failures, AGAIN_MS.length - 1)]);
      this.failures += 1;
      return;
    }
    this.unknown = null;
    this.saving = "refused";
    this.refusal = error.message;
  },
  /** Save at once what is not saved yet; a refusal is told. */
  async flush() {
    const patience = Date.now() + 10_000;
    while (this.saving === "saving" && Date.now() < patience) await new Promise((resolve) => setTimeout(resolve, 50));
    const done = this.saving === "saved" || (await this.save());
    if (!done) toast(this.savingText, "error");
    return done;
  },
  // Two editors
  async lookAtTheirs() {
    this.saving = "conflict";
    const [ok, theirs] = await attempt(() => api.get(`/api/v1/flows/${this.flow.id}`));
    if (!ok) {
      this.saving = "offline";
      this.saveIn(AGAIN_MS[0]);
      return;
    }
    this.theirs = theirs;
    this.$nextTick(() => this.$refs.conflict.focus());
  },
  get hasConflict() {
    return this.theirs !== null;
  },
  get conflictText() {
    return this.theirs ? text("flow.conflict", { who: this.theirs.by, when: ago(this.theirs.saved_at) }) : "";
  },
  takeTheirs() {
    const { theirs } = this;
    this.theirs = null;
    this.unknown = null;
    this.adopt(theirs);
    toast(text("flow.taken"));
  },
  async keepMine() {
    const name = text("flow.copy_of", { name: this.flow.name }).slice(0, 100);
    const [ok, copy] = await attempt(() => api.post("/api/v1/flows", { name, document: toDocument(this.form) }));
    if (!ok) return;
    this.saving = "saved";
    window.location.assign(`/panel/flows/${copy.id}`);
  },
  /** Whoever comes back to this window gets what somebody else saved meanwhile, unless there is something of their own to lose. */
  async lookForOthers() {
    if (this.saving !== "saved") return;
    let found;
    try {
      found = await api.get(`/api/v1/flows/${this.flow.id}`);
    } catch {
      return; // saving tells of a server that is away
    }
    if (this.saving !== "saved") return;
    if (found.revision === this.flow.revision) {
      this.flow.people = found.people;
      return;
    }
    this.adopt(found);
    toast(text("flow.renewed", { who: found.by }));
  },
};
