// Clicks over time as stacked bars in uPlot, following theme and size. Stacked, so that a bot's lost share is seen
// to move to the others.
import { language, number } from "./dom.js";

const SIGNALS = {
  light: ["#1d6fd8", "#ff7a4d", "#129a72", "#8e5bd0", "#d69a00", "#2aa7c9", "#d94f79", "#6f8427", "#5466c4", "#a8612c"],
  dark: ["#5aa2ff", "#ff8f66", "#38c795", "#b58cf0", "#f0bd3a", "#5ccbe8", "#f27ea0", "#a5bd58", "#8f9df0", "#d8935c"],
};
const LEAST_SHOWN = 12; // buckets
const HALF_LABEL = 40; // pixels, of the longest: the last one stands around its tick
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(language, { day: "2-digit", month: "2-digit" });
const hourOfDay = new Intl.DateTimeFormat(language, { day: "2-digit", month: "2-digit", hour: "2-digit", minute: "2-digit" });
const DAY = 86400;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A chart in `element`; `show({times, timeLabel, lines: [{label, values}]})` draws or redraws it; `step` is the
 *  seconds between times where they are not evenly spread, as days are. */
export function chart(element) {
  const canvas = document.createElement("div");
  canvas.className = "chart-canvas";
  element.append(canvas);
  let plot = null;
  let shape = "";
  let last = null;
  const fit = () => {
    element.style.setProperty("--legend", `${legendHeight(element)}px`); // many bots have a high one: the chart grows with it
    plot?.setSize(size(element));
  };
  new ResizeObserver(fit).observe(element);
  document.addEventListener("theme", () => {
    shape = "";
    if (last) show(last);
  });

  function show(whole) {
    last = whole;
    const data = sinceTheFirst(whole);
    const columns = [data.times, ...stacked(data.lines)];
    const wanted = [data.step, ...data.lines.map((line) => line.label)].join("\n");
    if (plot && wanted === shape) {
      plot.setData(columns);
      return;
    }
    plot?.destroy();
    shape = wanted;
    plot = new uPlot(options(element, data, () => sinceTheFirst(last)), columns, canvas);
    fit(); // only now the legend has a height
  }
  return { show };
}

const legendHeight = (element) => element.querySelector(".u-legend")?.offsetHeight ?? 0;

function size(element) {
  return { width: element.clientWidth || 600, height: Math.max(160, element.clientHeight - legendHeight(element) - 4) };
}

// A pool made ten minutes ago is not shown as fifty minutes of nothing: silence before the first click is left out.
function sinceTheFirst(data) {
  const first = data.times.findIndex((_time, at) => data.lines.some((line) => line.values[at] > 0));
  const from = Math.max(0, Math.min(first < 0 ? 0 : first, data.times.length - LEAST_SHOWN));
  const lines = data.lines.map((line) => ({ ...line, values: line.values.slice(from) }));
  return { ...data, times: data.times.slice(from), lines };
}

// The first line is drawn first, so it must reach to the top of the stack; each later one covers what lies below.
function stacked(lines) {
  const sums = lines.map(() => []);
  for (let at = 0; at < (lines[0]?.values.length ?? 0); at += 1) {
    let height = 0;
    for (let line = lines.length - 1; line >= 0; line -= 1) {
      height += lines[line].values[at];
      sums[line][at] = height;
    }
  }
  return sums;
}

function options(element, data, newest) {
  const axis = { stroke: css("--soft"), ticks: { show: false }, font: "12px system-ui, sans-serif" };
  const grid = { stroke: css("--line"), width: 1 };
  const colours = SIGNALS[document.documentElement.dataset.theme] ?? SIGNALS.light;
  const step = data.step ?? data.times[1] - data.times[0];
  const format = () => (step >= DAY ? day : newest().times.length * step > DAY ? hourOfDay : clock);
  return {
    ...size(element),
    padding: [null, HALF_LABEL, null, null],
    cursor: { points: { show: false }, drag: { x: false, y: false } },
    legend: { show: true, live: true },
    scales: {
      x: { time: true, range: (_plot, min, max) => [min - step, max + step] },
      y: { range: (_plot, _min, max) => [0, Math.max(4, Math.ceil(max * 1.1))] },
    },
    axes: [
      { ...axis, grid: { show: false }, space: 70, values: (_plot, ticks) => ticks.map((tick) => format().format(new Date(tick * 1000))) },
      { ...axis, grid, size: 48, values: (_plot, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? number(tick) : "")) },
    ],
    series: [
      { label: data.timeLabel, value: (_plot, at) => (at ? format().format(new Date(at * 1000)) : "–") },
      ...data.lines.map((line, index) => ({
        label: line.label,
        stroke: colours[index % colours.length],
        fill: colours[index % colours.length],
        width: 0,
        paths: uPlot.paths.bars({ size: [0.72, 28], radius: index === 0 ? 0.15 : 0 }),
        points: { show: false },
        value: (_plot, _sum, _series, at) => (at === null || at === undefined ? "" : number(newest().lines[index]?.values[at])),
      })),
    ],
  };
}
