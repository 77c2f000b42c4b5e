import { api } from "../api.js";
import { hasText, initial, moment, text } from "../dom.js";
import { attempt } from "../feedback.js";
import { follow, liveness } from "./liveness.js";

const EVERY_MS = 2000;
const KEY_BYTES = 16;

/** A key for one answer: sent twice with it, it is one. */
function newKey() {
  const bytes = window.crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

document.addEventListener("alpine:init", () => {
  // One conversation. The revision that was read goes with an answer, and a key of its own with each form.
  Alpine.data("conversation", () => ({
    ...liveness,
    talk: { messages: [] },
    revision: 0,
    formKey: newKey(),
    written: "",
    rests: true,
    minutes: 30,
    assigned: "",
    changed: "",
    busy: false,
    init() {
      this.talk = initial(this.$root);
      this.read();
      this.refresh = follow(this, `/panel/live/inbox/${this.talk.id}`, EVERY_MS, (data) => this.take(data));
      this.$nextTick(() => this.toEnd());
    },
    read() {
      this.revision = this.talk.revision;
      this.assigned = this.talk.assigned_to;
    },
    take(data) {
      const before = this.talk.messages.at(-1)?.id;
      this.talk = data.talk;
      if (!this.written && !this.busy) this.revision = data.talk.revision; // nothing is begun: this is what is read
      if (before !== this.talk.messages.at(-1)?.id) this.$nextTick(() => this.toEnd());
    },
    toEnd() {
      this.$refs.talk.scrollTop = this.$refs.talk.scrollHeight;
    },
    get cannotSend() {
      return this.busy || !this.written.trim();
    },
    get flowGoesOn() {
      return !this.rests;
    },
    async send() {
      if (this.cannotSend) return;
      this.busy = true;
      this.changed = "";
      const body = { text: this.written, form_key: this.formKey, revision: this.revision, take_over_minutes: this.rests ? this.minutes : 0 };
      const [ok, answer] = await attempt(() => api.post(`/api/v1/conversations/${this.talk.id}/answers`, body));
      this.busy = false;
      if (ok) {
        this.written = "";
        this.formKey = newKey();
        this.revision += 1;
        this.refresh();
      } else if (answer.code === "answered_meanwhile") this.changed = answer.message;
    },
    lookAgain() {
      this.changed = "";
      this.formKey = newKey(); // whatever it sent is seen now: the next answer is another
      this.read();
      this.refresh();
    },
    get isWaiting() {
      return Boolean(this.talk.unanswered_since);
    },
    get isTaken() {
      return Boolean(this.talk.taken_over_until) || this.talk.flow_rests;
    },
    get isFree() {
      return !this.isTaken;
    },
    get restText() {
      if (this.talk.taken_over_until) return text("inbox.taken_until", { when: moment(this.talk.taken_over_until) });
      return this.talk.flow_rests ? text("inbox.handed_over") : "";
    },
    assign() {
      return this.decide("put", "assignment", { name: this.assigned, revision: this.revision }, "inbox.assigned");
    },
    takeOver() {
      return this.decide("put", "takeover", { minutes: this.minutes }, "inbox.taken");
    },
    release() {
      return this.decide("remove", "takeover", undefined, "inbox.released");
    },
    done() {
      return this.decide("post", "done", {}, "inbox.marked");
    },
    async decide(method, what, body, good) {
      this.busy = true;
      const [ok, answer] = await attempt(() => api[method](`/api/v1/conversations/${this.talk.id}/${what}`, body), good);
      this.busy = false;
      // Ours raised it by one; by more, a colleague was there too, which whoever sends is to hear.
      if (ok && answer.revision === this.revision + 1 && what !== "takeover") this.revision = answer.revision;
      if (!ok && answer.code === "answered_meanwhile") this.changed = answer.message;
      this.refresh();
    },
    // One message
    classOf: (message) => `is-${message.direction} is-${message.status || "kept"}`,
    textOf: (message) => message.text || (hasText(`kind.${message.kind}`) ? text(`kind.${message.kind}`) : message.kind),
    whoOf(message) {
      if (message.direction === "in") return "";
      if (message.by === "telegram") return text("inbox.telegram");
      return message.by || text("message.bot");
    },
    statusOf(message) {
      return message.status ? text(`message.${message.status}`, { reason: message.failure }) : "";
    },
    when: (message) => moment(message.at),
  }));
});
