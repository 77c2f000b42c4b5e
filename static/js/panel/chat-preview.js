import { api } from "../api.js";
import { text } from "../dom.js";

const MOST_STEPS = 30; // as the server takes

function whyEnded({ refusal, failure }) {
  if (failure === null) return refusal && text("preview.refused", { reason: refusal });
  const place = failure.line === null ? failure.file : `${failure.file}:${failure.line}`;
  return text("chat.failed", { place, reason: failure.reason });
}

document.addEventListener("alpine:init", () => {
  // A chat with the bot as its form stands now: every step is sent again, the server keeps nothing.
  Alpine.data("chatPreview", () => ({
    wanted: null, // {bot, plugins} as last said by the form
    steps: [{ text: "/start" }],
    messages: [],
    notice: "",
    refusal: "",
    written: "",
    asked: 0,
    init() {
      document.addEventListener("behaviour-typed", (event) => {
        this.wanted = event.detail;
        this.play();
      });
    },
    async play() {
      if (!this.wanted) return;
      const asked = (this.asked += 1);
      const { bot, plugins } = this.wanted;
      try {
        const chat = await api.post(`/api/v1/bots/${bot}/plugins/chat`, { plugins, steps: this.steps });
        if (asked !== this.asked) return;
        this.messages = chat.messages;
        this.notice = chat.notice;
        this.refusal = whyEnded(chat);
      } catch (error) {
        if (asked === this.asked) this.refusal = error.message; // what stands is the picture before
      }
      this.$nextTick(() => this.$refs.screen.scrollTo(0, this.$refs.screen.scrollHeight));
    },
    step(step) {
      this.steps = [...this.steps, step].slice(0, MOST_STEPS);
      this.play();
    },
    write(event) {
      event.preventDefault();
      if (this.written.trim() === "" || this.isFull) return;
      this.step({ text: this.written.trim() });
      this.written = "";
    },
    tap(message, button) {
      if (button.url === "" && !this.isFull) this.step({ message_id: message.message_id, place: button.place });
    },
    restart() {
      this.steps = [{ text: "/start" }];
      this.play();
    },
    get isFull() {
      return this.steps.length >= MOST_STEPS;
    },
    sideClass: (message) => (message.is_own ? "is-own" : ""),
    blockClass: (block) => `block-${block.kind}`,
    runClass: (run) => run.styles.map((style) => `run-${style}`).join(" "),
    buttonClass: (button) => (button.url ? "is-link" : ""),
  }));
});
