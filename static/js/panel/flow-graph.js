// The ways between a flow's steps, and where each step stands in the picture. Pure.
export const NODE = { width: 184, height: 66 };
const GAP = { x: 28, y: 58 };
const BEND = 22; // width that a way takes where it passes a row
const SWEEPS = 6;
const FAR = 10; // rows; a way over more of them goes around the side

/** Every way from step to step as {source, target, kind}: "tap" (a button or a text), "time" or "once" (without waiting). */
export function ways(document) {
  return document.steps.flatMap((step) => [...waysOf(step)].filter(([target]) => target).map(([target, kind]) => ({ source: step.key, target, kind })));
}

function* waysOf(step) {
  for (const message of step.messages ?? []) for (const row of message.buttons ?? []) for (const button of row) yield [button.step, "tap"];
  for (const reply of step.replies ?? []) yield [reply.step, "tap"];
  for (const each of step.follow_ups ?? []) yield [each.step, "time"];
  for (const action of step.actions ?? []) yield [action.failed, "once"];
  const kind = step.after || step.then?.kind === "handover" ? "time" : "once";
  const then = step.then ?? {};
  for (const each of [then, ...(then.cases ?? []), ...(then.arms ?? [])]) yield [each.step, kind];
  yield [then.otherwise, kind];
}

/** The rows of keys: the first step alone, every other one below all that lead to it, ways back aside; in the end what
 *  nothing leads to, with what follows from it. */
export function rowsOf(document, found = ways(document)) {
  const keys = document.steps.map((step) => step.key);
  const next = new Map(keys.map((key) => [key, []]));
  found.forEach(({ source, target }) => next.has(target) && next.get(source).push(target));
  const depth = new Map();
  const first = keys.includes(document.start) ? [document.start] : [];
  [...first, ...keys].forEach((key) => {
    if (!depth.has(key)) descend(key, next, depth, depth.size ? Math.max(...depth.values()) + 1 : 0);
  });
  const rows = [];
  keys.forEach((key) => (rows[depth.get(key)] ??= []).push(key));
  return rows.filter(Boolean);
}

// All that can be reached from `root` and has no row yet, in an order in which every step comes after those that lead to it.
function descend(root, next, depth, from) {
  const open = new Set();
  const done = new Set();
  const sorted = [];
  const visit = (key) => {
    open.add(key);
    next.get(key).forEach((target) => !open.has(target) && !done.has(target) && !depth.has(target) && visit(target));
    open.delete(key);
    done.add(key);
    sorted.unshift(key);
  };
  visit(root);
  const place = new Map(sorted.map((key, number) => [key, number]));
  sorted.forEach((key) => depth.set(key, Math.max(depth.get(key) ?? from, from)));
  sorted.forEach((key, number) => next.get(key).forEach((target) => {
    if (place.get(target) > number) depth.set(target, Math.max(depth.get(target), depth.get(key) + 1));
  }));
}

/** {nodes: {key: {x, y}}, lines: [{source, target, kind, path}], width, height}; x and y are a node's upper left corner. */
export function picture(document) {
  const found = once(ways(document));
  const rows = rowsOf(document, found).map((row) => row.map((key) => ({ key, width: NODE.width, up: [], down: [] })));
  const at = new Map(rows.flatMap((row, depth) => row.map((item) => [item.key, { item, depth }])));
  const known = found.filter((way) => at.has(way.source) && at.has(way.target));
  const chains = known.map((way) => chainOf(way, rows, at));
  order(rows);
  place(rows);
  const items = rows.flat();
  const left = Math.min(0, ...items.map((item) => item.x - item.width / 2));
  items.forEach((item) => (item.x -= left));
  const right = Math.max(...items.map((item) => item.x + item.width / 2));
  const edge = right + (chains.some((chain) => !chain) ? 40 : 0);
  const lines = known.map((way, number) => ({ ...way, path: chains[number] ? downward(chains[number]) : around(at.get(way.source), at.get(way.target), number, right) }));
  const nodes = Object.fromEntries([...at].map(([key, { item, depth }]) => [key, { x: item.x - NODE.width / 2, y: top(depth) }]));
  return { nodes, lines, width: edge, height: top(rows.length) - GAP.y + (edge > right ? 26 : 0) };
}

function once(all) {
  return [...new Map(all.map((way) => [`${way.source} ${way.target} ${way.kind}`, way])).values()];
}

const top = (depth) => depth * (NODE.height + GAP.y);

// A way down takes a place in every row that it passes, so that it runs beside the steps there and not behind them.
function chainOf(way, rows, at) {
  const from = at.get(way.source);
  const to = at.get(way.target);
  if (to.depth <= from.depth || to.depth - from.depth > FAR) return null;
  const chain = [{ item: from.item, depth: from.depth }];
  for (let depth = from.depth + 1; depth < to.depth; depth += 1) {
    const item = { key: "", width: BEND, up: [], down: [] };
    rows[depth].push(item);
    chain.push({ item, depth });
  }
  chain.push({ item: to.item, depth: to.depth });
  chain.slice(1).forEach(({ item }, number) => {
    chain[number].item.down.push(item);
    item.up.push(chain[number].item);
  });
  return chain;
}

const mean = (items, of) => items.reduce((sum, item) => sum + of(item), 0) / items.length;

// Each row in the order of the middles of what it hangs on, from above and from below in turn: few ways cross then.
function order(rows) {
  const number = (row) => row.forEach((item, index) => (item.index = index));
  rows.forEach(number);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const side = sweep % 2 ? "down" : "up";
    const walked = sweep % 2 ? [...rows].reverse() : rows;
    walked.forEach((row) => {
      row.forEach((item) => (item.wish = item[side].length ? mean(item[side], (each) => each.index) : item.index));
      row.sort((one, other) => one.wish - other.wish);
      number(row);
    });
  }
}

// Side by side first, then each towards the middle of its neighbours as far as those beside it allow.
function place(rows) {
  rows.forEach((row) => {
    let x = 0;
    row.forEach((item) => {
      item.x = x + item.width / 2;
      x += item.width + GAP.x;
    });
    row.forEach((item) => (item.x -= (x - GAP.x) / 2));
  });
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) (sweep % 2 ? [...rows].reverse() : rows).forEach(settle);
}

function settle(row) {
  row.forEach((item) => {
    const beside = [...item.up, ...item.down];
    item.wish = beside.length ? mean(beside, (each) => each.x) : item.x;
  });
  const least = (one, other) => (one.width + other.width) / 2 + GAP.x;
  const pushed = row.map((item) => item.wish);
  for (let index = 1; index < row.length; index += 1) pushed[index] = Math.max(pushed[index], pushed[index - 1] + least(row[index - 1], row[index]));
  const pulled = row.map((item) => item.wish);
  for (let index = row.length - 2; index >= 0; index -= 1) pulled[index] = Math.min(pulled[index], pulled[index + 1] - least(row[index], row[index + 1]));
  row.forEach((item, index) => (item.x = (pushed[index] + pulled[index]) / 2));
}

const short = (value) => Math.round(value * 10) / 10;

function downward(chain) {
  const points = chain.flatMap(({ item, depth }, index) => {
    const { length } = chain;
    const leaves = index < length - 1 ? offset(item.down, chain[index + 1].item, item) : 0;
    const enters = index > 0 ? offset(item.up, chain[index - 1].item, item) : 0;
    if (index === 0) return [[item.x + leaves, top(depth) + NODE.height]];
    if (index === length - 1) return [[item.x + enters, top(depth) - 7]];
    return [[item.x, top(depth)], [item.x, top(depth) + NODE.height]];
  });
  const [first, ...others] = points;
  let [x, y] = first;
  const curves = others.map(([toX, toY]) => {
    const middle = (y + toY) / 2;
    const curve = `C${short(x)} ${short(middle)} ${short(toX)} ${short(middle)} ${short(toX)} ${short(toY)}`;
    [x, y] = [toX, toY];
    return curve;
  });
  return `M${short(first[0])} ${short(first[1])}${curves.join("")}`;
}

// Where along a node's edge a way starts or ends: those to the left on the left.
function offset(all, one, item) {
  if (item.width < NODE.width || all.length < 2) return 0;
  const sorted = [...all].sort((a, b) => a.x - b.x);
  const spread = Math.min(24, (NODE.width - 40) / all.length);
  return (sorted.indexOf(one) - (all.length - 1) / 2) * spread;
}

// Back up or far down: into the free space below the source, around the right of all, and into the target from above.
function around(from, to, number, right) {
  const x1 = from.item.x + NODE.width / 2 - 14 - (number % 3) * 7;
  const x2 = to.item.x + NODE.width / 2 - 22 - (number % 3) * 7;
  const low = top(from.depth) + NODE.height + 12 + (number % 4) * 4;
  const high = top(to.depth) - 16 - (number % 4) * 4;
  const out = right + 14 + (number % 5) * 6;
  const corner = 8;
  const turn = high < low ? corner : -corner;
  const turns = [
    `M${short(x1)} ${top(from.depth) + NODE.height}V${low - corner}Q${short(x1)} ${low} ${short(x1 + corner)} ${low}`,
    `H${short(out - corner)}Q${short(out)} ${low} ${short(out)} ${low - turn}`,
    `V${high + turn}Q${short(out)} ${high} ${short(out - corner)} ${high}`,
    `H${short(x2 + corner)}Q${short(x2)} ${high} ${short(x2)} ${high + corner}V${top(to.depth) - 7}`,
  ];
  return turns.join("");
}
