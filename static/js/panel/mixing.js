// Parts of a large component in files of their own. Spreading would call their getters once and keep the answer.

/** One object with the fields, methods and getters of all parts. */
export function mixed(...parts) {
  return Object.defineProperties({}, Object.assign({}, ...parts.map((part) => Object.getOwnPropertyDescriptors(part))));
}
