// Between the fields of the filter and the conditions that the API takes.
import { text } from "../dom.js";

const LISTS = ["tags_any", "tags_none", "languages", "sources", "campaigns", "goals_any", "goals_none"];
const STEPS = ["reached", "not_reached"];
const DAYS = ["seen_after", "seen_before"];
const FIELDS = ["words", "bot", "pool", "state", ...LISTS, ...STEPS, ...DAYS, "inactive_days"];

/** A filter that asks nothing. */
export const blank = () => Object.fromEntries(FIELDS.map((name) => [name, ""]));

const parts = (value) => value.split(",").map((part) => part.trim()).filter(Boolean);

function stepOf(value) {
  const [flow, step, ...more] = value.split("/");
  if (!/^[a-z0-9][a-z0-9-]*$/.test(flow) || more.length > 0) throw new Error(text("people.step_form"));
  return step ? { flow, step } : { flow };
}

/** The conditions of a filter; throws what a person can read. */
export function conditionsOf(form) {
  const found = {};
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

/** The filter of saved conditions, as far as it has fields for them. */
export function formOf(conditions) {
  const form = blank();
  form.words = conditions.words ?? "";
  form.bot = String(conditions.bots?.[0] ?? "");
  form.pool = String(conditions.pools?.[0] ?? "");
  form.state = conditions.states?.[0] ?? "";
  for (const name of LISTS) form[name] = (conditions[name] ?? []).join(", ");
  for (const name of STEPS) form[name] = (conditions[name] ?? []).map(({ flow, step }) => (step ? `${flow}/${step}` : flow)).join(", ");
  for (const name of DAYS) form[name] = conditions[name] ? day(conditions[name]) : "";
  form.inactive_days = String(conditions.inactive_days ?? "");
  return form;
}
