"use strict";
{
  const [metric, anchor, subset, rate] = ["equal-metric", "equal-anchor", "equal-subset", "delta-rate"].map(byId);
  const digits = (value) => (value.toFixed(value >= 10 ? 0 : value >= 2 ? 1 : 2));
  const times = (value) => `${digits(value)}×`;

  function named(point) {
    return make("th", { scope: "row" }, chip(point), point.name === undefined ? point.method : label(point));
  }

  /** A mean, its interval below, and what else has to be said of it. */
  function cell(mean, low, high, show, ...remarks) {
    const parts = [mean === null ? "n/a" : show(mean)];
    if (low !== null) parts.push(make("small", {}, `[${show(low)}, ${show(high)}]`.replace(/[×%]| %/g, "")));
    return make("td", { className: "n" }, ...parts, ...remarks);
  }

  function ratioCell(found) {
    const [mean, low, high, count, worse, better, bound, , , reasons] = found;
    const whole = report.subsets[subset.value];
    const remarks = [];
    if (count < whole) {
      const few = make("small", { className: "few" }, `${count} of ${clips(whole)}`);
      if (reasons) few.title = reasons;
      remarks.push(few);
    }
    if (worse || better) {
      const side = worse && better ? "about" : worse ? "≤" : "≥";
      remarks.push(make("small", {}, `over ${clips(count + worse + better)} ${side} ${times(bound)}`));
    }
    return cell(mean, low, high, times, ...remarks);
  }

  /** Sentences on what does not count in the table shown. */
  function noted(table) {
    const said = new Set();
    for (const column of Object.values(table)) {
      for (const [k, found] of Object.entries(column)) {
        const [, , , , worse, better, , , , reasons] = found;
        const name = label(report.points[k]);
        if (worse) said.add(`${name}: on ${clips(worse)} worse than ${anchor.value} at its lowest rate.`);
        if (better) said.add(`${name}: on ${clips(better)} better than ${anchor.value} at its highest rate.`);
        if (reasons) said.add(`Not counted: ${reasons}.`);
      }
    }
    return [...said].join(" ");
  }

  function drawRatios() {
    const table = report.ratios[metric.value]?.[subset.value]?.[anchor.value] ?? {};
    const columns = Object.entries(table);
    const rows = Object.keys(columns[0]?.[1] ?? {}).map((k) =>
      make("tr", {}, named(report.points[k]), ...columns.map(([, found]) => ratioCell(found[k]))));
    const head = make("tr", {}, heading("point"), ...columns.map(([name]) => heading(name, true)));
    byId("ratios").replaceChildren(make("thead", {}, head), make("tbody", {}, ...rows));
    byId("equal-notes").textContent = noted(table);
  }

  function deltaRow([method, found]) {
    const [rateMean, rateLow, rateHigh, count, mean, low, high, , overlap, reasons] = found;
    const percent = (value) => `${value > 0 ? "+" : ""}${value.toFixed(1)} %`;
    const signed = (value) => `${value > 0 ? "+" : ""}${value.toPrecision(3)}`;
    const why = make("td", { className: "wrap" }, reasons);
    return make("tr", {},
      named({ method }),
      cell(rateMean, rateLow, rateHigh, percent),
      cell(mean, low, high, signed),
      make("td", { className: "n" }, overlap === null ? "n/a" : `${Math.round(overlap * 100)} %`),
      make("td", { className: "n" }, `${count} of ${report.clips.length}`),
      why);
  }

  function drawDeltas() {
    const found = report.deltas[metric.value]?.[rate.value] ?? {};
    const { unit, direction } = report.metrics[metric.value];
    const names = ["method", "BD-rate", `BD-${metric.value}${unit ? ` [${unit}]` : ""}`, "overlap", "clips", "left out"];
    const head = make("tr", {}, ...names.map((name, k) => heading(name, k > 0 && k < 5)));
    byId("deltas").replaceChildren(make("thead", {}, head), make("tbody", {}, ...Object.entries(found).map(deltaRow)));
    byId("delta-caption").textContent = `Against ${report.deltaAnchor}, by ${metric.value} (${betterIs[direction]}), ${rate.value} accounting.`;
  }

  const metrics = Object.keys(report.ratios).length ? report.ratios : report.deltas;
  if (metric) {
    const wanted = "lpips" in metrics ? "lpips" : Object.keys(metrics)[0];
    fill(metric, Object.keys(metrics).map((name) => [name, `${name} ${report.metrics[name].direction === "higher" ? "↑" : "↓"}`]), wanted);
    const some = Object.values(report.ratios)[0]?.all ?? {};
    fill(anchor, Object.keys(some).map((name) => [name, name]));
    fill(subset, Object.entries(report.subsets).map(([name, count]) => [name, `${AMONG[name]} (${count})`]), "all");
    for (const control of [anchor, subset]) control.closest("label").hidden = !byId("ratios");
    if (byId("ratios")) {
      for (const control of [metric, anchor, subset]) control.addEventListener("change", drawRatios);
      drawRatios();
    }
    if (byId("deltas")) {
      fill(rate, Object.keys(Object.values(report.deltas)[0]).map((name) => [name, name]), "total");
      for (const control of [metric, rate]) control.addEventListener("change", drawDeltas);
      drawDeltas();
    }
  }
}
