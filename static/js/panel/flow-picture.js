// The flow as a picture: steps in rows from the first one down, with an arrow for every way.
import { text } from "../dom.js";
import { toDocument } from "./flow-form.js";
import { NODE, picture } from "./flow-graph.js";

const SVG = "http://www.w3.org/2000/svg";
const EDGE = 32; // free pixels around

function line({ path, kind, source, target }, chosen) {
  const shown = document.createElementNS(SVG, "path");
  shown.setAttribute("d", path);
  shown.setAttribute("class", `flow-way way-${kind}${source === chosen ? " is-out" : target === chosen ? " is-in" : ""}`);
  shown.setAttribute("marker-end", source === chosen || target === chosen ? "url(#flow-arrow-near)" : "url(#flow-arrow)");
  return shown;
}

const DIRECTIONS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

// Mixed into the editor, which has `form`, `steps`, `step` and `choose`.
export const flowPicture = {
  view: "list",
  nodes: {},
  drawn: null,
  get isPicture() {
    return this.view === "picture";
  },
  get isList() {
    return this.view === "list";
  },
  get viewClass() {
    return `is-${this.view}`;
  },
  pressed(view) {
    return this.view === view ? "true" : "false";
  },
  show(view) {
    this.view = view;
    this.draw();
    if (view === "picture") this.$nextTick(() => this.bringIntoView());
  },
  draw() {
    if (!this.isPicture) return;
    const found = picture(toDocument(this.form));
    this.nodes = found.nodes;
    this.drawn = found;
    this.paint();
  },
  paint() {
    if (!this.drawn) return;
    const { lines, width, height } = this.drawn;
    const { ways } = this.$refs;
    ways.setAttribute("width", width + 2 * EDGE);
    ways.setAttribute("height", height + 2 * EDGE);
    ways.setAttribute("viewBox", `${-EDGE} ${-EDGE} ${width + 2 * EDGE} ${height + 2 * EDGE}`);
    const key = this.step?.key;
    const near = ({ source, target }) => source === key || target === key;
    const sorted = [...lines].sort((one, other) => near(one) - near(other)); // what is near lies above
    this.$refs.lines.replaceChildren(...sorted.map((each) => line(each, key)));
  },
  nodeStyle(step) {
    const node = this.nodes[step.key] ?? { x: 0, y: 0 };
    return { left: `${node.x + EDGE}px`, top: `${node.y + EDGE}px`, width: `${NODE.width}px`, height: `${NODE.height}px` };
  },
  nodeTab(step) {
    return this.isChosen(step) || (!this.step && this.isStart(step)) ? "0" : "-1";
  },
  nodeHint(step) {
    const [first] = step.messages;
    return first ? first.text.replace(/<[^>]*>/g, "") || text(`flow.kind.${first.kind}`) : text("flow.no_message");
  },
  /** Arrows go to the nearest step in their direction. */
  pictureKeys(event) {
    const [dx, dy] = DIRECTIONS[event.key] ?? [];
    if (dx === undefined || !this.step) return;
    event.preventDefault();
    const from = this.nodes[this.step.key];
    const far = (step) => {
      const [x, y] = [this.nodes[step.key].x - from.x, this.nodes[step.key].y - from.y];
      const along = x * dx + y * dy;
      return along > 1 ? along + 2 * Math.abs(x * dy + y * dx) : Infinity;
    };
    const [nearest] = this.steps.filter((each) => this.nodes[each.key]).sort((one, other) => far(one) - far(other));
    if (!nearest || far(nearest) === Infinity) return;
    this.choose(nearest);
    this.$nextTick(() => this.bringIntoView(true));
  },
  bringIntoView(withFocus = false) {
    const node = this.$refs.canvas.querySelector("[tabindex='0']");
    node?.scrollIntoView({ block: "nearest", inline: "center" });
    if (withFocus) node?.focus();
  },
};
