// Moving an item of a list with the pointer: the place where it would land is marked, and it moves there when it is let go.

/** Follow the pointer from `event` on the handle of the item at `from`; `moved(from, to)` is called once, if it moves. */
export function dragOrder(event, from, moved) {
  const handle = event.currentTarget;
  if (!handle.matches(".grip") || handle.matches("fieldset:disabled *")) return; // what a file says is not moved here
  const list = handle.closest("[data-order]");
  const items = [...list.children].filter((each) => each.matches("li"));
  let to = from;
  const mark = () => items.forEach((each, at) => {
    each.classList.toggle("drop-before", at === to && to < from);
    each.classList.toggle("drop-after", at === to && to > from);
  });
  const over = ({ clientY }) => {
    to = items.findIndex((each) => clientY < each.getBoundingClientRect().bottom);
    if (to < 0) to = items.length - 1;
    mark();
  };
  const end = (last) => {
    handle.removeEventListener("pointermove", over);
    handle.removeEventListener("pointerup", end);
    handle.removeEventListener("pointercancel", end);
    items.forEach((each) => each.classList.remove("drop-before", "drop-after", "is-dragged"));
    if (last.type === "pointerup" && to !== from) moved(from, to);
  };
  event.preventDefault();
  handle.setPointerCapture(event.pointerId);
  items[from].classList.add("is-dragged");
  handle.addEventListener("pointermove", over);
  handle.addEventListener("pointerup", end);
  handle.addEventListener("pointercancel", end);
}

/** `list` with the item at `from` taken to `to`. */
export function reordered(list, from, to) {
  const [item] = list.splice(from, 1);
  list.splice(to, 0, item);
}
