// A flow's document as the editor's fields hold it, and back. Pure: nothing of a page in here.
// Fields hold texts ("" for nothing) and every item an `id` of its own, which stays with it when it moves.
const UNITS = [86400, 3600, 60, 1]; // seconds
let ids = 0;

const fresh = (fields) => ({ id: (ids += 1), ...fields });
const said = (value) => (value === null || value === undefined ? "" : String(value));
const list = (value, make) => (value ?? []).map(make);
const pairs = (value) => Object.entries(value ?? {}).map(([name, worth]) => fresh({ name, value: said(worth) }));
const few = (fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== "" && value !== undefined && !(Array.isArray(value) && value.length === 0)));
const amount = (value) => (/^-?\d+$/.test(said(value).trim()) ? Number(value) : value);
const whole = (items) => Object.fromEntries(items.map(({ name, value }) => [name.trim(), value]));

/** Seconds as an amount of the largest unit that divides them. */
export function wait(seconds) {
  const unit = UNITS.find((each) => seconds && seconds % each === 0) ?? 60;
  return { amount: seconds ? said(seconds / unit) : "", unit: said(unit) };
}

const seconds = (each) => (each.amount === "" ? undefined : Number(each.amount) * Number(each.unit));

export const newButton = (from = {}) =>
  fresh({ kind: from.kind ?? "step", text: said(from.text), url: said(from.url), step: said(from.step), flow: said(from.flow), tag: said(from.tag), stars: said(from.stars) });

export const newRow = (buttons = [{}]) => fresh({ buttons: buttons.map(newButton) });

export const newMessage = (from = {}) =>
  fresh({ kind: from.kind ?? "text", text: said(from.text), media: said(from.media), paid: from.allow_paid_broadcast ?? false, rows: list(from.buttons, newRow) });

export const newPair = () => fresh({ name: "", value: "" });

export const newAction = (from = { kind: "tag" }) =>
  fresh({
    kind: from.kind,
    tag: said(from.tag),
    name: said(from.name),
    value: said(from.value),
    goal: said(from.goal),
    currency: said(from.currency),
    method: from.method ?? "GET",
    url: said(from.url),
    failed: said(from.failed),
    body: pairs(from.body),
    save: pairs(from.save),
  });

export const newReply = (from = {}) => fresh({ equals: said(from.equals), contains: said(from.contains), save: said(from.save), step: said(from.step) });

export function newUnless(said_ = "tag:") {
  const at = said_.indexOf(":");
  return fresh({ kind: said_.slice(0, at), name: said_.slice(at + 1) });
}

export function newFollowUp(from = { after: 600 }) {
  const unless = from.unless ?? ["reply"];
  const others = unless.filter((each) => each !== "reply").map(newUnless);
  return fresh({ ...wait(from.after), step: said(from.step), reply: unless.includes("reply"), unless: others });
}

export function newCase(from = {}) {
  const when = from.when ?? {};
  const names = ["tag", "no_tag", "language", "goal", "variable", "equals", "contains"];
  return fresh({ step: said(from.step), ...Object.fromEntries(names.map((name) => [name, said(when[name])])) });
}

export const newArm = (from = {}) => fresh({ name: said(from.name), percent: said(from.percent ?? 0), step: said(from.step) });

function next(from) {
  return {
    kind: from?.kind ?? "",
    step: said(from?.step),
    cases: list(from?.cases, newCase),
    otherwise: said(from?.otherwise),
    name: said(from?.name),
    arms: list(from?.arms, newArm),
    flow: said(from?.flow),
    minutes: said(from?.minutes),
  };
}

export function newStep(from) {
  return fresh({
    key: said(from.key),
    title: said(from.title),
    actions: list(from.actions, newAction),
    messages: list(from.messages, newMessage),
    replies: list(from.replies, newReply),
    followUps: list(from.follow_ups, newFollowUp),
    after: wait(from.after),
    then: next(from.then),
  });
}

/** The fields of a document. Throws for what is no flow at all, which only a file or a program can have saved. */
export function toForm(document) {
  return { start: said(document.start), steps: document.steps.map(newStep), variables: pairs(document.variables) };
}

// Back

const OF_BUTTON = { url: ["url"], web_app: ["url"], step: ["step"], flow: ["flow"], tag: ["tag", "step"], pay: ["stars", "step"] };

function button(from) {
  const fields = OF_BUTTON[from.kind].map((name) => [name, name === "stars" ? amount(from[name]) : from[name].trim()]);
  return few({ kind: from.kind, text: from.text, ...Object.fromEntries(fields) });
}

function message(from) {
  const buttons = from.rows.map((row) => row.buttons.map(button));
  const media = from.kind === "text" ? "" : amount(from.media.trim());
  return { ...few({ kind: from.kind, text: from.text, media, buttons }), ...(from.paid ? { allow_paid_broadcast: true } : {}) };
}

const ACTIONS = {
  tag: ({ kind, tag }) => ({ kind, tag }),
  untag: ({ kind, tag }) => ({ kind, tag }),
  set: ({ kind, name, value }) => ({ kind, name, value }),
  goal: ({ kind, goal, value, currency }) => few({ kind, goal, value: value.trim(), currency: currency.trim() }),
  call: ({ kind, method, url, body, save, failed }) => ({ ...few({ kind, method, url: url.trim(), failed }), ...(body.length ? { body: whole(body) } : {}), ...(save.length ? { save: whole(save) } : {}) }),
};

const reply = ({ equals, contains, save, step }) => ({ ...few({ equals, contains, save: save.trim() }), step });

const followUp = (from) => ({
  ...few({ after: seconds(from) }),
  step: from.step,
  unless: [...(from.reply ? ["reply"] : []), ...from.unless.map(({ kind, name }) => `${kind}:${name.trim()}`)],
});

function condition({ tag, no_tag: noTag, language, goal, variable, equals, contains }) {
  const bare = variable !== "" && equals === "" && contains === ""; // "is empty" is something to ask for
  return { ...few({ tag, no_tag: noTag, language, goal, variable, equals, contains }), ...(bare ? { equals: "" } : {}) };
}

const NEXT = {
  goto: ({ step }) => ({ step }),
  branch: ({ cases, otherwise }) => ({ cases: cases.map((each) => ({ when: condition(each), step: each.step })), otherwise }),
  split: ({ name, arms }) => ({ name, arms: arms.map((arm) => ({ name: arm.name, percent: amount(arm.percent), step: arm.step })) }),
  flow: ({ flow }) => ({ flow }),
  handover: ({ minutes, step }) => few({ minutes: amount(minutes), step }),
  end: () => ({}),
};

/** One step of the document; what its fields leave empty is left out. */
export function stepDocument(from) {
  return {
    key: from.key,
    ...few({
      title: from.title,
      actions: from.actions.map((each) => ACTIONS[each.kind](each)),
      messages: from.messages.map(message),
      replies: from.replies.map(reply),
      follow_ups: from.followUps.map(followUp),
      after: from.then.kind ? seconds(from.after) : "",
    }),
    ...(from.then.kind ? { then: { kind: from.then.kind, ...NEXT[from.then.kind](from.then) } } : {}),
  };
}

export function toDocument(form) {
  const variables = form.variables.length ? { variables: whole(form.variables) } : {};
  return { start: form.start, steps: form.steps.map(stepDocument), ...variables };
}
