// The rules of a link: an ordered list, moved with buttons, saved as a whole.
import { api } from "../api.js";
import { initial, text } from "../dom.js";
import { toast } from "../feedback.js";

const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const EVERY_DAY = ["1", "2", "3", "4", "5", "6", "7"];
const FIELD_OF = { target_pool_id: "target", languages: "languages", query: "query", tz: "tz", begin: "begin", end: "end" };
const words = (written) => written.split(/[\s,;]+/).filter(Boolean);
const clock = (time) => (time ?? "00:00").slice(0, 5);
let keys = 0;

/** A stored rule as the fields of its card. */
function asFields(rule) {
  const { countries, not_countries: others, languages, devices, query, schedule } = rule.conditions;
  return {
    key: (keys += 1),
    id: rule.id,
    is_active: rule.is_active,
    target: String(rule.target_pool_id ?? ""),
    countries: (others ?? countries ?? []).join(", "),
    except: Boolean(others),
    languages: (languages ?? []).join(", "),
    devices: devices ?? [],
    query: Object.entries(query ?? {}).map(([name, value]) => `${name}=${value}`).join("\n"),
    timed: Boolean(schedule),
    days: (schedule?.days ?? EVERY_DAY).map(String),
    begin: clock(schedule?.begin),
    end: clock(schedule?.end),
    tz: schedule?.tz ?? HERE,
  };
}

function queryOf(written) {
  const lines = written.split("\n").map((line) => line.trim()).filter(Boolean);
  if (lines.some((line) => !/^[^=]+=.+$/.test(line))) throw new Error(text("rule.query"));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")).trim(), line.slice(line.indexOf("=") + 1).trim()]));
}

const languageOf = (written) => {
  const [language, region] = written.split("-");
  return region ? `${language.toLowerCase()}-${region.toUpperCase()}` : language.toLowerCase();
};

/** The fields of a card as the rule that the API takes; what is left empty is not asked. */
function asRule(fields) {
  const conditions = {};
  const countries = words(fields.countries).map((country) => country.toUpperCase());
  if (countries.length > 0) conditions[fields.except ? "not_countries" : "countries"] = countries;
  const languages = words(fields.languages).map(languageOf);
  if (languages.length > 0) conditions.languages = languages;
  if (fields.devices.length > 0) conditions.devices = [...fields.devices];
  const query = queryOf(fields.query);
  if (Object.keys(query).length > 0) conditions.query = query;
  if (fields.timed) {
    conditions.schedule = { days: fields.days.map(Number), begin: fields.begin, end: fields.end, tz: fields.tz.trim() };
  }
  return { id: fields.id, is_active: fields.is_active, target_pool_id: Number(fields.target), conditions };
}

document.addEventListener("alpine:init", () => {
  Alpine.data("rules", () => ({
    rules: [],
    saved: "",
    busy: false,
    failure: "",
    wrong: { key: 0, message: "" },
    said: "",
    init() {
      this.take(initial(this.$root));
      window.addEventListener("beforeunload", (event) => this.changed && event.preventDefault());
    },
    take(rules) {
      this.rules = rules.map(asFields);
      this.saved = JSON.stringify(this.rules);
    },
    get changed() {
      return JSON.stringify(this.rules) !== this.saved;
    },
    get none() {
      return this.rules.length === 0;
    },
    get asksCountry() {
      return this.rules.some((rule) => rule.countries.trim() !== "");
    },
    ruleClass(rule) {
      return rule.is_active ? "" : "is-off";
    },
    fieldId(rule, field) {
      return `rule-${rule.key}-${field}`;
    },
    title(index) {
      return text("rule.title", { number: index + 1 });
    },
    upLabel(index) {
      return text("rule.move_up", { number: index + 1 });
    },
    downLabel(index) {
      return text("rule.move_down", { number: index + 1 });
    },
    removeLabel(index) {
      return text("rule.remove", { number: index + 1 });
    },
    isFirst(index) {
      return index === 0;
    },
    isLast(index) {
      return index === this.rules.length - 1;
    },
    add() {
      const rule = asFields({ id: null, is_active: true, conditions: {} });
      this.rules.push(rule);
      this.$nextTick(() => document.getElementById(this.fieldId(rule, "countries"))?.focus());
    },
    /** The moved rule keeps the focus, on the same button or, at the end of the list, on the other one. */
    move(index, by) {
      const rules = [...this.rules];
      const [rule] = rules.splice(index, 1);
      rules.splice(index + by, 0, rule);
      this.rules = rules;
      this.said = text("rule.moved", { number: index + by + 1 });
      this.$nextTick(() => {
        const buttons = [...document.querySelectorAll(`[data-rule="${rule.key}"] [data-move]`)];
        const same = buttons.find((button) => Number(button.dataset.move) === by);
        (same?.disabled ? buttons.find((button) => !button.disabled) : same)?.focus();
      });
    },
    remove(index) {
      this.rules.splice(index, 1);
      this.$nextTick(() => {
        const titles = document.querySelectorAll("[data-rule] h2");
        titles[Math.min(index, titles.length - 1)]?.focus();
      });
    },
    /** Beside the rule that was refused, with the focus in its field; what concerns none of them stands above all. */
    refuse(error) {
      const [, number, part] = /^rules\.(\d+)\.?(.*)$/.exec(error.field ?? "") ?? [];
      const rule = this.rules[number];
      if (!rule) {
        this.failure = error.message;
        return;
      }
      this.wrong = { key: rule.key, message: error.message };
      const field = FIELD_OF[part.split(".").find((name) => name in FIELD_OF)] ?? "countries";
      document.getElementById(this.fieldId(rule, field))?.focus();
    },
    problem(rule) {
      return this.wrong.key === rule.key ? this.wrong.message : "";
    },
    async save() {
      if (this.busy) return;
      this.busy = true;
      this.failure = "";
      this.wrong = { key: 0, message: "" };
      try {
        const path = `/api/v1/redirect-pools/${this.$root.dataset.pool}/rules`;
        this.take((await api.put(path, { rules: this.rules.map(asRule) })).items);
        toast(text("saved"));
      } catch (error) {
        this.refuse(error);
      } finally {
        this.busy = false;
      }
    },
  }));
});
