"use strict";
// What the other scripts share. All text from outside is set by textContent, never as markup.
const report = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const betterIs = { higher: "higher is better ↑", lower: "lower is better ↓" };
const arrow = (metric) => (report.metrics[metric].direction === "higher" ? "↑" : "↓");
const dark = matchMedia("(prefers-color-scheme: dark)");
const look = (point) => report.methods[point.method];
const label = (point) => `${point.method} ${point.name}`;
const clips = (count) => `${count} clip${count === 1 ? "" : "s"}`;

/** Make an element: properties by name, then children (elements or text). */
function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** A method's colour, as a dot. */
function chip(point) {
  const dot = make("span", { className: "chip" });
  dot.style.background = look(point).colour;
  return dot;
}

/** A table's heading; numbers stand to the right. */
function heading(text, right) {
  return make("th", { scope: "col", className: right ? "n" : "" }, text);
}

/** Lead the question mark beside a select to the definition of the metric that it shows. */
function define(select) {
  const mark = document.querySelector(`a[data-of="${select.id}"]`);
  if (!mark) return;
  const { metric } = report.metrics[select.value];
  mark.href = `#def-${encodeURIComponent(metric)}`;
  mark.setAttribute("aria-label", `Definition of ${metric}`);
}

/** Fill a select with [value, text] pairs and choose one. */
function fill(select, pairs, chosen) {
  select.replaceChildren(...pairs.map(([value, text]) => make("option", { value }, text)));
  if (pairs.some(([value]) => String(value) === String(chosen))) select.value = chosen;
  if (pairs.length) define(select);
}

const AMONG = { all: "all clips", still: "still clips", moving: "moving clips", long: "clips of 300 frames or more" };
/** Pairs for a select of clips: the run's subsets, then each clip by its number. */
function clipChoices(subsets) {
  const named = subsets.map((name) => [name, `${AMONG[name]} (${report.subsets[name]})`]);
  return [...named, ...report.clips.map((clip, k) => [k, clip.name])];
}

function number(value, metric) {
  return value === null || Number.isNaN(value) ? "n/a" : Number.isFinite(value) ? value.toFixed(report.metrics[metric].decimals) : "∞";
}

/** Plotly reads tags and entities in text: take their meaning away. */
function plain(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

/** Colours of the page, for plots. */
function theme() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  return { ink: colour("--ink"), soft: colour("--soft"), grid: colour("--grid"), ground: colour("--ground"), raised: colour("--raised") };
}

/** What all plots have in common. */
function plotLayout(more) {
  const { ink, soft, grid, raised } = theme();
  const axis = { gridcolor: grid, linecolor: soft, zeroline: false, automargin: true, ticks: "outside", tickcolor: grid };
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: ink, family: getComputedStyle(document.body).fontFamily, size: 13 },
    hoverlabel: { bgcolor: raised, bordercolor: soft, font: { color: ink }, align: "left" },
    ...more,
    xaxis: { ...axis, ...more.xaxis },
    yaxis: { ...axis, ...more.yaxis },
    ...(more.yaxis2 ? { yaxis2: { ...axis, ...more.yaxis2 } } : {}),
  };
}

const plotConfig = { displaylogo: false, responsive: true, displayModeBar: false };

/** Do something once, when an element is about to be seen. */
function whenSeen(element, action) {
  const watcher = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watcher.disconnect();
    action();
  }, { rootMargin: "600px" });
  watcher.observe(element);
}

/** Open what an address inside the page leads to. */
function unfold() {
  byId(decodeURIComponent(location.hash.slice(1)))?.closest("details")?.setAttribute("open", "");
}

document.addEventListener("change", (event) => define(event.target));
document.addEventListener("click", (event) => {
  if (event.target.closest("a[href^='#']")) setTimeout(unfold); // also where the address stays the same
});
addEventListener("hashchange", unfold);
unfold();
