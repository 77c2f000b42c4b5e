// What was done to a flow, to be undone and done again. Pure. A state is a text; typing on in one field is one step back.
const FEWEST = 100; // states that are kept whatever they weigh
const MOST = 500;
const HEAVIEST = 20_000_000; // characters of those beyond FEWEST
const PAUSE_MS = 1500; // after which typing on is another step back

export class History {
  constructor(state) {
    this.past = [];
    this.future = [];
    this.present = state;
    this.weight = state.length;
    this.last = { where: "", at: -Infinity };
  }

  /** Note a new state; `where` names the field, "" for what is a step of its own. */
  note(state, where = "", at = Date.now()) {
    if (state === this.present) return;
    const goesOn = where !== "" && where === this.last.where && at - this.last.at < PAUSE_MS;
    if (!goesOn) this.past.push(this.present);
    this.weight += state.length;
    this.present = state;
    this.future = [];
    this.last = { where, at };
    this.forget();
  }

  forget() {
    while (this.past.length > MOST || (this.past.length > FEWEST && this.weight > HEAVIEST)) this.weight -= this.past.shift().length;
  }

  /** The state before, null when there is none. */
  undo() {
    return this.move(this.past, this.future);
  }

  redo() {
    return this.move(this.future, this.past);
  }

  move(from, to) {
    if (from.length === 0) return null;
    to.push(this.present);
    this.present = from.pop();
    this.last = { where: "", at: -Infinity };
    return this.present;
  }
}
