// What the page brought along: texts in the reader's language, addresses, numbers in the reader's way of writing.
const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";
const texts = window.flotillaTexts ?? {}; // put there by the script of the language, which runs before all modules

export const language = document.documentElement.lang || "pt-BR";
export const csrfToken = () => meta("csrf-token");
export const symbol = (name) => `${meta("icons")}#${name}`;

const filled = (template, values) => template.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
const plurals = new Intl.PluralRules(language);

/** The text `key` with {name} replaced from `values`; the key itself where a text is missing. */
export const text = (key, values = {}) => filled(texts[key] ?? key, values);

/** The text `key` in the form that `count` things ask for, with {count} in the reader's digits. */
export function counted(key, count, values = {}) {
  const forms = texts[key] ?? { other: key };
  return filled(forms[plurals.select(count)] ?? forms.other, { count: number(count), ...values });
}

export const hasText = (key) => key in texts;

const whole = new Intl.NumberFormat(language);
export const number = (value) => (value === null || value === undefined ? "–" : whole.format(value));
export const percent = (value) => (value === null || value === undefined ? "–" : `${whole.format(Math.round(value * 10) / 10)}%`);

const fractions = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 4 });

/** Millionths of a unit, as "12.50". */
export const amount = (micros) => fractions.format(micros / 1e6);

/** Millionths of a currency's unit, as "12.50 BRL". */
export const money = (micros, currency) => `${amount(micros)} ${currency}`;

const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });

/** "3 min ago" for an ISO moment, in the reader's language. */
export function ago(iso) {
  if (!iso) return "–";
  const seconds = (new Date(iso) - Date.now()) / 1000;
  const size = Math.abs(seconds);
  if (size < 60) return relative.format(Math.round(seconds), "second");
  if (size < 3600) return relative.format(Math.round(seconds / 60), "minute");
  if (size < 86400) return relative.format(Math.round(seconds / 3600), "hour");
  return relative.format(Math.round(seconds / 86400), "day");
}

const clock = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "medium" });
export const moment = (iso) => (iso ? clock.format(new Date(iso)) : "–");

/** The page's data, put into an element's attribute by the server. */
export function initial(element, name = "initial") {
  return JSON.parse(element.dataset[name] || "null");
}
