// All texts of a bot as one file: read, edited in place or loaded, shown as changes, saved by the plan that was shown.
import { api } from "../api.js";
import { counted, text } from "../dom.js";
import { attempt, toast } from "../feedback.js";
import { differences } from "./text-diff.js";

const LARGEST_BYTES = 4_000_000; // of a file that is loaded; the server takes a million characters

document.addEventListener("alpine:init", () => {
  Alpine.data("botTexts", () => ({
    draft: "",
    saved: "",
    isRead: false,
    busy: false,
    isOver: false,
    isStale: false,
    problems: [],
    changes: [],
    plan: "",
    init() {
      this.$watch("draft", () => this.forget());
      window.addEventListener("beforeunload", (event) => this.isChanged && event.preventDefault());
    },
    path(place) {
      return `/api/v1/bots/${this.$root.dataset.bot}/texts${place}`;
    },
    show(tab) {
      if (tab === "texts") queueMicrotask(() => this.isChanged || this.read()); // outside: what it reads shall not bring it here again
    },
    async read() {
      const [ok, document] = await attempt(() => api.get(this.path("")));
      if (!ok) return;
      this.isRead = true;
      this.saved = document;
      this.draft = document;
      this.paint();
    },
    forget() {
      this.problems = [];
      this.changes = [];
      this.isStale = false;
      this.paint();
    },
    /** The lines below the box, which give it its height, headers and mistakes their colours and every line its number. */
    paint() {
      const wrong = new Set(this.problems.map((problem) => problem.line));
      const lines = this.draft.split("\n").map((line, at) => {
        const shown = document.createElement("div");
        shown.textContent = line || "\u200b";
        shown.classList.toggle("is-header", line.startsWith("## "));
        shown.classList.toggle("is-wrong", wrong.has(at + 1));
        return shown;
      });
      this.$refs.lines.replaceChildren(...lines);
    },
    discard() {
      this.draft = this.saved;
    },
    async review() {
      this.busy = true;
      await attempt(() => this.look());
      this.busy = false;
    },
    async look() {
      const { draft } = this;
      this.forget();
      const problems = (await api.post(this.path("/check"), { document: draft })).items;
      const found = problems.length ? null : await api.put(this.path(""), { document: draft });
      if (draft !== this.draft) return; // somebody went on writing
      this.problems = problems;
      this.paint();
      if (!found) {
        this.$nextTick(() => this.$root.querySelector(".text-problems .link")?.focus());
        return;
      }
      this.changes = found.changes.map((change) => ({ ...change, ...differences(change.old, change.new) }));
      this.plan = found.plan;
      if (this.changes.length === 0) toast(text("texts.same"));
      else this.$nextTick(() => this.$refs.changes.focus());
    },
    async save() {
      this.busy = true;
      try {
        const made = await api.put(this.path(""), { document: this.draft, if_plan: this.plan });
        document.dispatchEvent(new CustomEvent("texts-changed", { detail: made.changes }));
        toast(text("texts.saved"));
        await this.read();
      } catch (error) {
        if (error.code !== "plan_changed") toast(error.message, "error");
        await attempt(() => this.look());
        this.isStale = error.code === "plan_changed";
      } finally {
        this.busy = false;
      }
    },
    back() {
      this.changes = [];
      this.$refs.draft.focus();
    },
    goTo(problem) {
      const box = this.$refs.draft;
      const before = this.draft.split("\n").slice(0, Math.max(0, problem.line - 1));
      const start = before.reduce((length, line) => length + line.length + 1, 0);
      const end = this.draft.indexOf("\n", start);
      box.focus({ preventScroll: true });
      box.setSelectionRange(start, end < 0 ? this.draft.length : end);
      this.$refs.lines.children[before.length]?.scrollIntoView({ block: "center" });
    },
    over() {
      this.isOver = true;
    },
    left(event) {
      if (!event.currentTarget.contains(event.relatedTarget)) this.isOver = false;
    },
    dropped(event) {
      this.isOver = false;
      return this.load(event.dataTransfer.files[0]);
    },
    picked(event) {
      const [file] = event.target.files;
      event.target.value = ""; // so that the same file can be chosen again
      return this.load(file);
    },
    async load(file) {
      if (!file) return;
      if (file.size > LARGEST_BYTES) {
        toast(text("texts.too_large"), "error");
        return;
      }
      try {
        this.draft = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer()).replaceAll("\r\n", "\n");
      } catch {
        toast(text("texts.not_utf8"), "error");
        return;
      }
      await this.review();
    },
    problemText: (problem) => (problem.line ? text("texts.line", { line: problem.line, detail: withoutLine(problem) }) : problem.detail),
    isSame: (run) => !run.marked,
    isBlank: (words) => words === "",
    get dropClass() {
      return this.isOver ? "is-over" : "";
    },
    get isChanged() {
      return this.draft !== this.saved;
    },
    get cannotReview() {
      return this.busy || !this.isChanged;
    },
    get wrong() {
      return this.problems.length > 0;
    },
    get invalid() {
      return this.wrong ? "true" : "false";
    },
    get wrongText() {
      return counted("texts.mistakes", this.problems.length);
    },
    get changesText() {
      return counted("texts.changes", this.changes.length);
    },
    get isShown() {
      return this.changes.length > 0;
    },
    get some() {
      return this.isRead && (this.saved !== "" || this.isChanged);
    },
    get none() {
      return this.isRead && !this.some;
    },
  }));
});

// Most of the server's sentences begin with the line in the reader's language: once is enough.
const withoutLine = ({ line, detail }) => detail.replace(new RegExp(`^\\S+ ${line}: `, "u"), "");
