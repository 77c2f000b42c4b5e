import { api } from "../api.js";
import { moment, text } from "../dom.js";
import { attempt } from "../feedback.js";
import { askAndReplay, tell } from "./replaying.js";

document.addEventListener("alpine:init", () => {
  // One letter: its attempts, its whole error, what it was about.
  Alpine.data("deadLetter", () => ({
    letter: {},
    init() {
      document.addEventListener("open-letter", (event) => this.open(event.detail));
    },
    async open(id) {
      const [ok, letter] = await attempt(() => api.get(`/api/v1/dead-letters/${id}`));
      if (!ok) return;
      this.letter = letter;
      this.$root.showModal();
    },
    close() {
      this.$root.close();
    },
    async replay() {
      this.close();
      await askAndReplay({ ids: [this.letter.id] }, this.letter.uncertain);
    },
    discard() {
      this.close();
      tell("discard-letters", { selection: { ids: [this.letter.id] }, count: 1 });
    },
    get title() {
      return this.letter.kind ? `${text(`letter.${this.letter.kind}`)} ${this.letter.id}` : "";
    },
    get isOpen() {
      return this.letter.state === "open";
    },
    get canReplay() {
      return this.isOpen && this.letter.can_be_replayed;
    },
    get payload() {
      return readable(this.letter.payload ?? {});
    },
    attemptText(each) {
      const life = each.replay ? text("letter.replay_n", { n: each.replay }) : text("letter.first_life");
      return `${life} · ${moment(each.at)}`;
    },
  }));
});

/** The payload with JSON inside its texts unfolded, where it is whole. */
function readable(payload) {
  const unfolded = Object.entries(payload).map(([name, value]) => [name, typeof value === "string" ? parsed(value) : value]);
  return JSON.stringify(Object.fromEntries(unfolded), null, 2);
}

function parsed(value) {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
