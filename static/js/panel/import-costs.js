// A table of costs is read in the browser, looked at, and brought in parts: it may be larger than a request.
import { api } from "../api.js";
import { money, text } from "../dom.js";
import { toast } from "../feedback.js";
import { dialogForm } from "./form.js";
import { problemText } from "./import-words.js";

const SAMPLE = 20_000; // characters that are looked at
const PART = 250_000; // characters of one request, which is at most a megabyte of JSON

/** The text of a file: UTF-8, UTF-16 with its mark, else Windows' western letters, as old spreadsheets write. */
async function textOf(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const mark = bytes.length > 1 ? (bytes[0] << 8) | bytes[1] : 0;
  if (mark === 0xfffe || mark === 0xfeff) return new TextDecoder(mark === 0xfffe ? "utf-16le" : "utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

/** Cut into parts, never through the two halves of a letter. */
function* partsOf(content) {
  let from = 0;
  while (from < content.length) {
    let to = Math.min(content.length, from + PART);
    if (to < content.length && content.charCodeAt(to - 1) >= 0xd800 && content.charCodeAt(to - 1) <= 0xdbff) to -= 1;
    yield content.slice(from, to);
    from = to;
  }
}

document.addEventListener("alpine:init", () => {
  Alpine.data("importCosts", () => ({
    ...dialogForm,
    name: "",
    content: "",
    source: "",
    currency: "",
    layout: null,
    columns: [],
    rows: [],
    problems: [],
    part: 0,
    parts: 1,
    turn: 0,
    init() {
      document.addEventListener("import-costs", () => this.open());
    },
    async picked() {
      const [file] = this.$refs.file.files;
      this.forget();
      if (!file) return;
      this.name = file.name.slice(0, 100);
      this.content = (await textOf(file)).replaceAll("\0", "");
      await this.look();
    },
    forget() {
      Object.assign(this, { layout: null, columns: [], rows: [], problems: [], failure: "", content: "" });
    },
    async again() {
      if (!this.content) return;
      if (this.layout) Object.assign(this.layout, this.always(this.layout));
      await this.look();
    },
    always(layout) {
      return { always_source: layout.source ? "" : this.source.trim(), always_currency: layout.currency ? "" : this.currency.trim().toUpperCase() };
    },
    async look() {
      this.turn += 1;
      const turn = this.turn;
      this.failure = "";
      try {
        const said = { source: this.source.trim(), currency: this.currency.trim().toUpperCase() };
        const found = await api.post("/api/v1/spend/preview", { sample: this.content.slice(0, SAMPLE), ...said, layout: this.layout });
        if (turn !== this.turn) return;
        Object.assign(this, found);
        this.currency = found.layout.always_currency || this.currency;
      } catch (error) {
        if (turn === this.turn) this.failure = error.message;
      }
    },
    get isKnown() {
      return this.layout !== null;
    },
    get hasRows() {
      return this.rows.length > 0;
    },
    get hasProblems() {
      return this.problems.length > 0;
    },
    is(name, value) {
      return this.layout?.[name] === value;
    },
    set(name, event) {
      this.layout = { ...this.layout, [name]: event.target.value };
      Object.assign(this.layout, this.always(this.layout));
      this.look();
    },
    amountOf: (row) => money(row.amount_micros, row.currency),
    problemText,
    get isWhole() {
      return this.isKnown && (this.layout.source || this.layout.always_source) && (this.layout.currency || this.layout.always_currency);
    },
    get cannotSend() {
      return this.busy || !this.isWhole || this.hasProblems;
    },
    send() {
      this.submitting(async () => {
        const parts = [...partsOf(this.content)];
        Object.assign(this, { part: 0, parts: parts.length });
        let made = null;
        for (const [number, content] of parts.entries()) {
          const is_last = number === parts.length - 1;
          if (made) await api.post(`/api/v1/spend/imports/${made.id}/parts`, { number, content, is_last });
          else made = await api.post("/api/v1/spend/imports", { name: this.name, layout: this.layout, content, is_last });
          this.part = number + 1;
        }
        this.close();
        this.forget();
        this.$refs.file.value = "";
        toast(text("import.started"));
        document.dispatchEvent(new CustomEvent("costs-imported"));
      });
    },
  }));
});
