import { api } from "../api.js";
import { ago, moment, number, text } from "../dom.js";
import { attempt } from "../feedback.js";
import { refusals } from "./refusals.js";

const HOUR_MS = 3_600_000;
const MOST_SHOWN = 50; // entries of a list; the others are found by the field above it
const FIELDS = ["telegram_id", "until", "note"];
const LISTS = { allowed: "allowed_users", blocked: "blocked_users", admin: "admin_users" };
const CLOSED = { allowed_users: [], blocked_users: [], admin_users: [], maintenance: false, maintenance_message: "", captcha: false };

document.addEventListener("alpine:init", () => {
  // Whom a bot answers: switches, three lists, and the people it knows. Asked for when the tab is opened.
  Alpine.data("botUsers", () => ({
    ...refusals,
    bot: "",
    loaded: false,
    busy: false,
    access: CLOSED,
    list: "blocked",
    filter: "",
    form: { id: "", until: "", note: "" },
    people: [],
    words: "",
    page: 1,
    more: false,
    init() {
      this.bot = this.$root.dataset.bot;
      const seen = new IntersectionObserver(([entry]) => entry.isIntersecting && this.load());
      seen.observe(this.$root);
    },
    path(place = "") {
      return `/api/v1/bots/${this.bot}/access${place}`;
    },
    async load() {
      if (this.busy) return;
      this.busy = true;
      const [ok, access] = await attempt(() => api.get(this.path()));
      if (ok) this.access = access;
      await this.meet();
      this.busy = false;
    },
    // Switches
    get isClosed() {
      return this.access.maintenance;
    },
    get messageText() {
      return this.shownValue("maintenance_message", this.access.maintenance_message);
    },
    setSwitch(name, event) {
      return this.save(name, event.target.checked);
    },
    setMessage(event) {
      return this.save("maintenance_message", event.target.value);
    },
    async save(name, value) {
      const access = await this.saving(name, value, () => api.put(this.path(), { [name]: value }));
      if (access) this.access = access;
    },
    // Lists
    entries(name) {
      return this.access[LISTS[name]];
    },
    show(name) {
      this.list = name;
      this.filter = "";
    },
    isOpen(name) {
      return this.list === name;
    },
    isShown(name) {
      return String(this.list === name);
    },
    count(name) {
      return number(this.entries(name).length);
    },
    get matching() {
      const all = this.entries(this.list);
      const word = this.filter.trim().toLowerCase();
      return word ? all.filter((entry) => `${entry.telegram_id} ${entry.note}`.toLowerCase().includes(word)) : all;
    },
    get shownEntries() {
      return this.matching.slice(0, MOST_SHOWN);
    },
    get hidden() {
      return this.matching.length > MOST_SHOWN;
    },
    get hiddenText() {
      return text("users.hidden", { n: number(this.matching.length - MOST_SHOWN) });
    },
    get isLong() {
      return this.entries(this.list).length > 10;
    },
    get some() {
      return this.shownEntries.length > 0;
    },
    get none() {
      return this.loaded && this.entries(this.list).length === 0;
    },
    endOf: (entry) => (entry.until ? text("users.until", { when: moment(entry.until) }) : text("users.for_good")),
    removeText: (entry) => text("users.remove", { id: entry.telegram_id }),
    add() {
      const until = this.form.until ? new Date(this.form.until).toISOString() : null;
      const place = this.path(`/${this.list}/${encodeURIComponent(this.form.id.trim())}`);
      return this.changing(async () => {
        try {
          this.access = await api.put(place, { until, note: this.form.note });
          this.form = { id: "", until: "", note: "" };
          this.refuse();
        } catch (error) {
          this.refuse(FIELDS.includes(error.field) ? error.field : "telegram_id", error.message);
        }
      });
    },
    /** What is wrong with the form of an entry stands beside its field alone; without a field nothing is. */
    refuse(field = "", message = "") {
      const others = Object.entries(this.refused).filter(([name]) => !FIELDS.includes(name));
      this.refused = Object.fromEntries(field ? [...others, [field, { message }]] : others);
    },
    take(entry) {
      return this.changing(() => this.remove(this.list, entry.telegram_id));
    },
    async changing(work) {
      if (this.busy) return;
      this.busy = true;
      await work();
      this.busy = false;
    },
    async remove(list, id) {
      const [ok] = await attempt(() => api.remove(this.path(`/${list}/${id}`)), "saved");
      if (!ok) return;
      const left = this.entries(list).filter((entry) => entry.telegram_id !== id);
      this.access = { ...this.access, [LISTS[list]]: left };
    },
    // People
    async meet() {
      const query = new URLSearchParams({ q: this.words, page: this.page });
      const [ok, found] = await attempt(() => api.get(`/panel/live/bots/${this.bot}/people?${query}`));
      if (!ok) return;
      this.people = found.people;
      this.more = found.more;
      this.loaded = true;
    },
    search(event) {
      this.words = event.target.value.trim();
      return this.turnTo(1);
    },
    turnTo(page) {
      this.page = page;
      return this.meet();
    },
    former() {
      return this.turnTo(this.page - 1);
    },
    following() {
      return this.turnTo(this.page + 1);
    },
    get isFirst() {
      return this.page <= 1;
    },
    get isLast() {
      return !this.more;
    },
    get paged() {
      return this.more || this.page > 1;
    },
    get met() {
      return this.people.length > 0;
    },
    get nobody() {
      return this.loaded && !this.met && this.words === "";
    },
    get nobodyFound() {
      return this.loaded && !this.met && this.words !== "";
    },
    nameOf: (person) => person.name || text("users.nameless"),
    userOf: (person) => (person.username ? `@${person.username}` : ""),
    dataOf(person) {
      return `/panel/bots/${this.bot}/people/${person.telegram_id}`;
    },
    seen: (person) => ago(person.last_interaction),
    blockOf(person) {
      return this.access.blocked_users.find((entry) => entry.telegram_id === person.telegram_id);
    },
    isBlocked(person) {
      return Boolean(this.blockOf(person));
    },
    isFree(person) {
      return !this.isBlocked(person);
    },
    stateOf(person) {
      const entry = this.blockOf(person);
      return entry ? text("users.is_blocked", { until: this.endOf(entry) }) : text(`lead.${person.state}`);
    },
    blockText: (person) => text("users.block", { name: person.name || person.telegram_id }),
    block(person, hours) {
      const until = hours ? new Date(Date.now() + hours * HOUR_MS).toISOString() : null;
      const note = person.username ? `@${person.username}` : person.name;
      return this.changing(async () => {
        const [ok, access] = await attempt(() => api.put(this.path(`/blocked/${person.telegram_id}`), { until, note }), "saved");
        if (ok) this.access = access;
      });
    },
    unblock(person) {
      return this.changing(() => this.remove("blocked", person.telegram_id));
    },
  }));
});
