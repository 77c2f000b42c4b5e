// The flow tried out in a simulated chat: taps, texts, and a clock that can be moved. Every turn is played anew from all steps.
import { api } from "../api.js";
import { text } from "../dom.js";
import { toDocument } from "./flow-form.js";

const MOST_TURNS = 100; // as the server takes
const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

/** "1 d 2 h" for seconds. */
export function span(seconds) {
  let left = Math.round(seconds);
  const parts = UNITS.flatMap(([size, unit]) => {
    const count = Math.floor(left / size);
    left -= count * size;
    return count ? [`${count} ${unit}`] : [];
  });
  return parts.slice(0, 2).join(" ") || "0 s";
}

// Mixed into the editor.
export const flowPlay = {
  played: { messages: [], timers: [], visited: [], tags: [], goals: [], variables: {}, notice: "", step: null, status: null, seconds: 0 },
  turns: [],
  playFrom: "",
  playLanguage: "pt",
  playRefusal: "",
  written: "",
  minutes: "10",
  playAsked: 0,
  openPlay() {
    this.playLanguage = document.documentElement.lang.slice(0, 2);
    this.playFrom = "";
    this.$refs.play.showModal();
    this.restartPlay();
  },
  playFromHere() {
    this.openPlay();
    this.playFrom = this.step.key;
    this.restartPlay();
  },
  closePlay() {
    this.$refs.play.close();
  },
  restartPlay() {
    this.turns = [];
    return this.playAll();
  },
  async playAll() {
    const asked = (this.playAsked += 1);
    try {
      const played = await api.post("/api/v1/flows/simulate", {
        document: toDocument(this.form),
        script: this.turns,
        from_step: this.playFrom || null,
        language: this.playLanguage,
      });
      if (asked !== this.playAsked) return;
      this.played = played;
      this.playRefusal = played.refusal && text("preview.refused", { reason: played.refusal });
    } catch (error) {
      if (asked === this.playAsked) this.playRefusal = error.message;
    }
    this.$nextTick(() => this.$refs.screen.scrollTo(0, this.$refs.screen.scrollHeight));
  },
  turn(turn) {
    if (this.playIsFull) return;
    this.turns = [...this.turns, turn];
    this.playAll();
  },
  takeBackTurn() {
    this.turns = this.turns.slice(0, -1);
    this.playAll();
  },
  get playIsFull() {
    return this.turns.length >= MOST_TURNS;
  },
  get noTurns() {
    return this.turns.length === 0;
  },
  tapInPlay(bubble, button) {
    if (button.url === "") this.turn({ message_id: bubble.message_id, place: button.place });
  },
  writeInPlay() {
    const { written } = this;
    if (written.trim() === "") return;
    this.written = "";
    this.turn({ text: written.trim() });
  },
  passMinutes() {
    const seconds = Math.round(Number(this.minutes) * 60);
    if (seconds > 0) this.turn({ seconds });
  },
  passUntil(timer) {
    this.turn({ seconds: Math.ceil(timer.seconds) + 1 });
  },
  timerText: (timer) => text("flow.play.timer", { time: span(timer.seconds) }),
  sideClass: (bubble) => (bubble.is_own ? "is-own" : ""),
  buttonClass: (button) => (button.url ? "is-link" : ""),
  get playStands() {
    const step = this.steps.find((each) => each.key === this.played.step);
    if (!this.played.step) return text("flow.play.nowhere");
    return text(`flow.play.${this.played.status}`, { step: step ? this.nameOf(step) : this.played.step });
  },
  get playClock() {
    return this.played.seconds ? text("flow.play.clock", { time: span(this.played.seconds) }) : "";
  },
  get playFacts() {
    const { tags, goals, variables } = this.played;
    const kept = Object.entries(variables).map(([name, value]) => `${name} = ${value}`);
    const facts = { tags, goals, variables: kept };
    return Object.entries(facts).filter(([, all]) => all.length).map(([name, all]) => ({ name: text(`flow.play.${name}`), all: all.join(", ") }));
  },
};
