import { ago, counted, initial, moment, number, symbol, text } from "../dom.js";
import { follow, liveness } from "./liveness.js";
import { askAndReplay, tell } from "./replaying.js";

const EVERY_MS = 2000;
const PER_SECOND = 20; // the pace of replays, for the estimate
const SYMBOLS = { intake: "inbox", update: "message", send: "mail-x", job: "gear" };
const DISCARDED = "discarded: ";

document.addEventListener("alpine:init", () => {
  Alpine.data("deadLetters", () => ({
    ...liveness,
    counts: { open: 0, uncertain: 0, replaying: 0 },
    groups: [],
    letters: [],
    picked: [],
    view: "open",
    kind: "",
    bot: "",
    fingerprint: "",
    mostReplaying: 0,
    init() {
      const asked = new URLSearchParams(window.location.search); // a notification leads here
      this.view = asked.get("view") ?? "open";
      this.fingerprint = asked.get("fingerprint") ?? "";
      this.take(initial(this.$root));
      this.refresh = follow(this, () => this.path(), EVERY_MS, (data) => this.take(data));
      document.addEventListener("letters-changed", () => {
        this.picked = [];
        this.refresh();
      });
    },
    path() {
      const asked = new URLSearchParams({ view: this.view, kind: this.kind, bot_id: this.bot, fingerprint: this.fingerprint });
      return `/panel/live/dead-letters?${asked}`;
    },
    take(data) {
      this.counts = data.counts;
      this.groups = data.groups;
      this.letters = data.letters;
      this.picked = this.picked.filter((id) => data.letters.some((letter) => letter.id === id));
      this.mostReplaying = this.counts.replaying ? Math.max(this.mostReplaying, this.counts.replaying) : 0;
    },
    look(view) {
      this.view = view;
      this.fingerprint = "";
      this.refilter();
    },
    showCause(fingerprint) {
      this.fingerprint = fingerprint;
      this.refilter();
    },
    refilter() {
      this.picked = [];
      this.refresh();
    },
    isView(view) {
      return this.view === view;
    },
    get isOpenView() {
      return this.view === "open" || this.view === "uncertain";
    },
    get canReplayAll() {
      return this.view === "open";
    },
    count(name) {
      return number(name === "certain" ? this.counts.open - this.counts.uncertain : this.counts[name]);
    },
    get isReplaying() {
      return this.counts.replaying > 0;
    },
    get progress() {
      return this.mostReplaying ? Math.round((100 * (this.mostReplaying - this.counts.replaying)) / this.mostReplaying) : 0;
    },
    get progressText() {
      const left = this.counts.replaying;
      return counted("letter.progress", left, { seconds: number(Math.ceil(left / PER_SECOND) + 1) });
    },
    filter(extra = {}) {
      const filter = { state: "open", kind: this.kind, fingerprint: this.fingerprint, uncertain: this.view === "uncertain", ...extra };
      return { filter: this.bot ? { ...filter, bot_id: Number(this.bot) } : filter };
    },
    replayAll() {
      return askAndReplay(this.filter());
    },
    replayGroup(group) {
      return askAndReplay(this.filter({ fingerprint: group.fingerprint, kind: group.kind }));
    },
    replayPicked() {
      return askAndReplay({ ids: [...this.picked] }, this.view === "uncertain");
    },
    discardGroup(group) {
      tell("discard-letters", { selection: this.filter({ fingerprint: group.fingerprint, kind: group.kind }), count: group.count });
    },
    discardPicked() {
      tell("discard-letters", { selection: { ids: [...this.picked] }, count: this.picked.length });
    },
    open: (letter) => tell("open-letter", letter.id),
    pick(letter) {
      this.picked = this.isPicked(letter) ? this.picked.filter((id) => id !== letter.id) : [...this.picked, letter.id];
    },
    pickAll() {
      this.picked = this.allPicked ? [] : this.letters.map((letter) => letter.id);
    },
    isPicked(letter) {
      return this.picked.includes(letter.id);
    },
    get allPicked() {
      return this.letters.length > 0 && this.picked.length === this.letters.length;
    },
    get nonePicked() {
      return this.picked.length === 0;
    },
    get pickedText() {
      return this.picked.length ? counted("letter.selected", this.picked.length) : "";
    },
    get some() {
      return this.letters.length > 0;
    },
    get none() {
      return this.letters.length === 0;
    },
    get emptyTitle() {
      const { quiet, none } = this.$el.dataset;
      return this.counts.open + this.counts.replaying ? none : quiet;
    },
    groupKey: (group) => `${group.kind}${group.fingerprint}${group.uncertain}`,
    groupText(group) {
      const bots = group.bots.map((name) => `@${name}`).join(", ");
      return [this.kindText(group.kind), bots, `${moment(group.first_seen)} – ${moment(group.last_seen)}`].filter(Boolean).join(" · ");
    },
    countOf: (group) => number(group.count),
    kindText: (kind) => text(`letter.${kind}`),
    kindSymbol: (kind) => symbol(SYMBOLS[kind] ?? "mail-x"),
    botText: (letter) => (letter.bot ? `@${letter.bot}` : text("letter.no_bot")),
    resolutionText(letter) {
      const { resolution } = letter;
      return resolution.startsWith(DISCARDED) ? text("letter.discarded", { reason: resolution.slice(DISCARDED.length) }) : text("letter.replayed");
    },
    when: (letter) => moment(letter.at),
    age: (letter) => ago(letter.at),
  }));
});
