// Between the fields of the filter and the conditions that the API takes.
import { text } from "../dom.js";

const LISTS = ["tags_any", "tags_none", "languages", "sources", "campaigns", "goals_any", "goals_none"];
const STEPS = ["reached", "not_reached"];
const DAYS = ["seen_after", "seen_before"];
const MORE = "more"; // as JSON: what no field can hold, which a segment or an address asks for beside
const FIELDS = ["words", "bot", "pool", "state", ...LISTS, ...STEPS, ...DAYS, "inactive_days", MORE];

/** A filter that asks nothing. */
export const blank = () => Object.fromEntries(FIELDS.map((name) => [name, ""]));
const FIELD_OF = { bots: "bot", pools: "pool", states: "state" };
const DATE = /^\d{4}-\d\d-\d\dT/;

const parts = (value) => value.split(",").map((part) => part.trim()).filter(Boolean);

function stepOf(value) {
  const [flow, step, ...more] = value.split("/");
  if (!/^[a-z0-9][a-z0-9-]*$/.test(flow) || more.length > 0) throw new Error(text("people.step_form"));
  return step ? { flow, step } : { flow };
}

/** The conditions of a filter; throws what a person can read. */
export function conditionsOf(form) {
  const found = form.more ? JSON.parse(form.more) : {};
  if (form.words.trim()) found.words = form.words.trim();
  if (form.bot) found.bots = [Number(form.bot)];
  if (form.pool) found.pools = [Number(form.pool)];
  if (form.state) found.states = [form.state];
  for (const name of LISTS) if (parts(form[name]).length > 0) found[name] = parts(form[name]);
  for (const name of STEPS) if (form[name].trim()) found[name] = parts(form[name]).map(stepOf);
  for (const name of DAYS) if (form[name]) found[name] = new Date(`${form[name]}T00:00`).toISOString();
  if (form.inactive_days) found.inactive_days = Number(form.inactive_days);
  return found;
}

const day = (iso) => {
  const date = new Date(iso);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60000).toISOString().slice(0, 10);
};

const one = (values) => (values?.length === 1 ? String(values[0]) : "");

/** The filter of saved conditions. What its fields would lose, such as a second bot, stays beside them. */
export function formOf(conditions) {
  const form = blank();
  form.words = String(conditions.words ?? "");
  form.bot = one(conditions.bots);
  form.pool = one(conditions.pools);
  form.state = one(conditions.states);
  for (const name of LISTS) form[name] = (conditions[name] ?? []).join(", ");
  for (const name of STEPS) form[name] = (conditions[name] ?? []).map(({ flow, step }) => (step ? `${flow}/${step}` : flow)).join(", ");
  for (const name of DAYS) form[name] = conditions[name] ? day(conditions[name]) : "";
  form.inactive_days = String(conditions.inactive_days ?? "");
  const held = conditionsOf(form);
  const lost = Object.entries(conditions).filter(([name, value]) => !isSame(held[name], value));
  for (const [name] of lost) if (name in FIELD_OF || name in form) form[FIELD_OF[name] ?? name] = "";
  if (lost.length > 0) form.more = JSON.stringify(Object.fromEntries(lost));
  return form;
}

/** Whether two values of a condition ask the same: moments may be written in two ways. */
function isSame(held, value) {
  if (typeof held === "string" && DATE.test(held)) return new Date(held).getTime() === new Date(value).getTime();
  const plain = (asked) => JSON.stringify(asked, (_, part) => (part?.flow ? [part.flow, part.step ?? null] : part));
  return plain(held) === plain(value);
}
