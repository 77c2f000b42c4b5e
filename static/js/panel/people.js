import { api } from "../api.js";
import { ago, counted, initial, moment, text } from "../dom.js";
import { follow, liveness } from "./liveness.js";
import { mixed } from "./mixing.js";
import { paging } from "./paging.js";
import { peopleChange } from "./people-change.js";
import { blank, conditionsOf, formOf } from "./people-conditions.js";
import { segmentList } from "./people-segments.js";

const EVERY_MS = 10000;

/** The filter that the address asks for: it can be kept as a bookmark; one that nobody can read asks nothing. */
function asked() {
  try {
    return formOf(JSON.parse(new URLSearchParams(window.location.search).get("where") ?? "{}"));
  } catch {
    return blank();
  }
}

document.addEventListener("alpine:init", () => {
  // The people who meet the conditions, a page at a time.
  Alpine.data("people", () => mixed(liveness, paging(""), peopleChange, segmentList, {
    people: [],
    count: 0,
    form: blank(),
    order: "newest",
    where: "", // conditions of what is shown, as JSON; "" for everybody
    asks: 0,
    polled: "",
    failure: "",
    busy: false,
    init() {
      this.form = asked();
      this.take(initial(this.$root));
      this.refresh = follow(this, () => this.poll(), EVERY_MS, (data) => this.takePolled(data));
      if (this.narrowed) this.show();
    },
    path(where) {
      const asked = { order: this.order, cursor: this.cursor, ...(where ? { where } : {}) };
      return `/panel/live/people?${new URLSearchParams(asked)}`;
    },
    poll() {
      this.polled = this.path(this.where);
      return this.polled;
    },
    /** An answer to what is asked no more is nobody's. */
    takePolled(data) {
      if (this.polled === this.path(this.where)) this.take(data);
    },
    take(data) {
      this.people = data.people;
      this.next = data.next;
      this.count = data.count;
      this.takeSegments(data.segments);
    },
    set(name, event) {
      this.form = { ...this.form, [name]: event.target.value };
      this.show();
    },
    setOrder(event) {
      this.order = event.target.value;
      this.show();
    },
    chooseTag(tag) {
      this.form = { ...this.form, tags_any: tag };
      this.show();
    },
    clear() {
      this.form = blank();
      this.show();
    },
    /** Ask for what the fields say. What they said before stays shown until the server took it. */
    async show() {
      this.toFirstPage();
      this.picked = [];
      this.failure = "";
      const turn = (this.asks += 1);
      try {
        const where = this.narrowed ? JSON.stringify(conditionsOf(this.form)) : "";
        const data = await api.get(this.path(where));
        if (turn !== this.asks) return;
        this.where = where;
        this.take(data);
        window.history.replaceState(null, "", where ? `?${new URLSearchParams({ where })}` : window.location.pathname);
      } catch (error) {
        if (turn === this.asks) this.failure = error.message;
      }
    },
    get moreText() {
      return this.form.more ? text("people.more", { names: Object.keys(JSON.parse(this.form.more)).join(", ") }) : "";
    },
    get narrowed() {
      return Object.values(this.form).filter(Boolean).length;
    },
    get isNarrowed() {
      return Object.entries(this.form).some(([name, value]) => name !== "words" && value);
    },
    get found() {
      return this.people.length > 0;
    },
    get nothingFound() {
      return !this.found && this.narrowed > 0;
    },
    get nobody() {
      return !this.found && this.narrowed === 0;
    },
    get countText() {
      return counted("people.count", this.count);
    },
    // One row
    pageOf: (person) => `/panel/people/${person.telegram_id}`,
    nameOf: (person) => person.name || text("people.nameless"),
    userOf: (person) => (person.username ? `@${person.username}` : ""),
    stateOf: (person) => text(`lead.${person.state}`),
    blockedText: () => text("people.blocked"),
    sourceOf(person) {
      const touch = person.first_touch;
      if (!touch) return text("people.no_click");
      return [touch.source || text("people.direct"), touch.campaign, touch.ad].filter(Boolean).join(" · ");
    },
    age: ago,
    when: moment,
  }));
});
