// Clicks over time as a uPlot chart that follows theme and width.
import { language, number } from "./dom.js";

const SIGNALS = ["#1f7ae0", "#ff7a4d", "#12a37a", "#b565d8", "#e0a100", "#3fb6d8", "#e0567a", "#7d8f2f", "#8c6bd1", "#c26a2d"];
const HEIGHT = 240;
const hour = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export const signal = (index) => SIGNALS[index % SIGNALS.length];

/** A chart in `element`; `show({times, lines: [{label, values}]})` draws or redraws it. */
export function chart(element) {
  let plot = null;
  let shape = "";
  let last = null;
  const rebuild = () => {
    plot?.destroy();
    plot = null;
    if (last) show(last);
  };
  new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height: HEIGHT })).observe(element);
  document.addEventListener("theme", rebuild);

  function show(data) {
    last = data;
    const columns = [data.times, ...data.lines.map((line) => line.values)];
    const wanted = data.lines.map((line) => line.label).join("\n");
    if (plot && wanted === shape) {
      plot.setData(columns);
      return;
    }
    plot?.destroy();
    shape = wanted;
    plot = new uPlot(options(element, data), columns, element);
  }
  return { show };
}

function options(element, data) {
  const ink = css("--soft");
  const grid = { stroke: css("--line"), width: 1 };
  const single = data.lines.length === 1;
  const axis = { stroke: ink, grid, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  return {
    width: element.clientWidth || 600,
    height: HEIGHT,
    cursor: { points: { size: 7 }, drag: { x: false, y: false } },
    legend: { show: true, live: true },
    scales: { x: { time: true }, y: { range: (_plot, _min, max) => [0, Math.max(4, Math.ceil(max * 1.15))] } },
    axes: [
      { ...axis, grid: { show: false }, values: (_plot, ticks) => ticks.map((tick) => hour.format(new Date(tick * 1000))), space: 70 },
      { ...axis, size: 52, values: (_plot, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? number(tick) : "")) },
    ],
    series: [
      { label: data.timeLabel, value: (_plot, at) => (at ? hour.format(new Date(at * 1000)) : "–") },
      ...data.lines.map((line, index) => stroke(line, index, single)),
    ],
  };
}

function stroke(line, index, single) {
  const colour = single ? css("--accent") : signal(index);
  return {
    label: line.label,
    stroke: colour,
    width: 2,
    fill: single ? `${colour}26` : undefined,
    paths: uPlot.paths.spline(),
    points: { show: false },
    value: (_plot, value) => number(value),
  };
}
