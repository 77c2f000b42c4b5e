// What differs between two texts, word by word; in texts too long for that, line by line.
const MOST_CELLS = 4_000_000; // of the table below: some 16 MB for a moment
const WORDS = /\n|[^\S\n]+|[\p{L}\p{M}\p{N}_{}]+|\S/gu; // each sign by itself: a tag around a word changes no word
const LINES = /[^\n]*\n|[^\n]+/g;

/** {before, after}: each the runs {text, marked} of its text; what only this one has is marked. */
export function differences(old, fresh) {
  const [words, freshWords] = [pieces(old, WORDS), pieces(fresh, WORDS)];
  const fits = words.length * freshWords.length <= MOST_CELLS;
  return fits ? compared(words, freshWords) : compared(pieces(old, LINES), pieces(fresh, LINES));
}

const pieces = (text, pattern) => text.match(pattern) ?? [];

function compared(old, fresh) {
  const common = longestCommon(old, fresh);
  return { before: runs(old, common.map(([at]) => at)), after: runs(fresh, common.map(([, at]) => at)) };
}

/** The places [in old, in fresh] of a longest sequence that both have; none where even lines are too many. */
function longestCommon(old, fresh) {
  const width = fresh.length + 1;
  if (old.length * width > MOST_CELLS) return [];
  const lengths = new Uint16Array((old.length + 1) * width);
  for (let row = old.length - 1; row >= 0; row -= 1) {
    for (let column = fresh.length - 1; column >= 0; column -= 1) {
      const at = row * width + column;
      lengths[at] = old[row] === fresh[column] ? lengths[at + width + 1] + 1 : Math.max(lengths[at + width], lengths[at + 1]);
    }
  }
  const found = [];
  for (let row = 0, column = 0; row < old.length && column < fresh.length; ) {
    const at = row * width + column;
    if (old[row] === fresh[column]) found.push([row++, column++]);
    else if (lengths[at + width] >= lengths[at + 1]) row += 1;
    else column += 1;
  }
  return found;
}

function runs(parts, kept) {
  const same = new Set(kept);
  const found = [];
  parts.forEach((part, at) => {
    const marked = !same.has(at);
    const text = marked ? part.replaceAll("\n", "↵\n") : part; // a line's end alone would be seen by nobody
    const last = found.at(-1);
    if (last?.marked === marked) last.text += text;
    else found.push({ text, marked });
  });
  return found;
}
