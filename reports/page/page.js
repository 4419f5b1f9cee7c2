"use strict";
// What the other scripts share. All text from outside is set by textContent, never as markup.
const report = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const betterIs = { higher: "higher is better ↑", lower: "lower is better ↓" };
const dark = matchMedia("(prefers-color-scheme: dark)");
const look = (point) => report.methods[point.method];
const label = (point) => `${point.method} ${point.name}`;

/** Make an element: properties by name, then children (elements or text). */
function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Fill a select with [value, text] pairs and choose one. */
function fill(select, pairs, chosen) {
  select.replaceChildren(...pairs.map(([value, text]) => make("option", { value }, text)));
  if (pairs.some(([value]) => String(value) === String(chosen))) select.value = chosen;
}

function number(value, metric) {
  return value === null ? "n/a" : value.toFixed(report.metrics[metric].decimals);
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
  };
}

const plotConfig = { displaylogo: false, responsive: true, displayModeBar: false };
