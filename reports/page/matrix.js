"use strict";
{
  const [table, metric, order] = ["matrix", "matrix-metric", "matrix-order"].map(byId);
  // Cividis (Nuñez, Anderton and Renslow, PLOS ONE 2018), from its worst end to its best.
  const CIVIDIS = [[0, 34, 78], [33, 59, 110], [77, 86, 109], [108, 110, 114], [141, 137, 120], [177, 165, 112], [215, 197, 95], [254, 232, 56]];
  const failed = new Set(report.failed.map(([k, clip]) => `${k} ${clip}`));
  const short = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));

  /** Colour at a share of the scale, from 0 to 1. */
  function colour(share) {
    const at = Math.max(0, Math.min(1, share)) * (CIVIDIS.length - 1);
    const k = Math.min(Math.floor(at), CIVIDIS.length - 2);
    return CIVIDIS[k].map((low, i) => Math.round(low + (at - k) * (CIVIDIS[k + 1][i] - low)));
  }

  /** Where the scale ends: a few outliers do not take the colours from all the others. */
  function ends(values) {
    const sorted = values.flat().filter((value) => value !== null).sort((a, b) => a - b);
    const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
    return [at(0.02), at(0.98)];
  }

  function rows(values) {
    const numbers = report.clips.map((_, clip) => clip);
    if (order.value === "given") return numbers;
    const mean = (clip) => {
      const found = values.map((row) => row[clip]).filter((value) => value !== null);
      return found.length ? found.reduce((a, b) => a + b, 0) / found.length : Infinity;
    };
    const means = numbers.map(mean);
    return numbers.sort((a, b) => means[a] - means[b]);
  }

  function cell(value, share, k, clip) {
    const made = document.createElement("td");
    made.tabIndex = -1;
    made.dataset.k = k;
    made.dataset.clip = clip;
    if (value === null) {
      made.className = "absent";
      made.textContent = failed.has(`${k} ${clip}`) ? "failed" : "n/a";
    } else {
      const [r, g, b] = colour(share);
      made.style.background = `rgb(${r} ${g} ${b})`;
      made.style.color = 0.299 * r + 0.587 * g + 0.114 * b > 120 ? "#000" : "#fff";
      made.textContent = short(value);
    }
    return made;
  }

  function draw() {
    const values = report.values[metric.value];
    const [low, high] = ends(values);
    const { direction, unit } = report.metrics[metric.value];
    const share = (value) => {
      const up = high > low ? (value - low) / (high - low) : 0.5;
      return direction === "higher" ? up : 1 - up;
    };
    const head = make("tr", { role: "row" }, heading("clip"),
      ...report.points.map((point) => make("th", { scope: "col", title: label(point) }, make("span", {}, chip(point), label(point)))));
    const body = make("tbody", {});
    for (const clip of rows(values)) {
      const row = make("tr", {}, make("th", { scope: "row", title: report.clips[clip].name }, report.clips[clip].name));
      report.points.forEach((_, k) => row.append(cell(values[k][clip], values[k][clip] === null ? 0 : share(values[k][clip]), k, clip)));
      body.append(row);
    }
    table.replaceChildren(make("thead", {}, head), body);
    const first = body.querySelector("td");
    if (first) first.tabIndex = 0;
    const [worst, best] = direction === "higher" ? [low, high] : [high, low];
    const named = (value) => (value === undefined ? "" : `${short(value)}${unit && ` ${unit}`}`);
    byId("matrix-low").textContent = named(worst);
    byId("matrix-high").textContent = `${named(best)} is better`;
    const absent = values.flat().filter((value) => value === null).length;
    byId("matrix-notes").textContent =
      `The scale ends at the 2nd and the 98th of 100 values.${absent ? ` ${absent} of ${values.length * report.clips.length} cells have no value.` : ""}`;
  }

  function open(made) {
    byId("clip").value = made.dataset.clip;
    byId("clip").dispatchEvent(new Event("change"));
    viewer.show(Number(made.dataset.clip), Number(made.dataset.k));
  }

  function keys(event) {
    const made = event.target.closest("td");
    if (!made) return;
    if (event.key === "Enter") open(made);
    const row = made.parentElement;
    const next = {
      ArrowLeft: () => made.previousElementSibling,
      ArrowRight: () => made.nextElementSibling,
      ArrowUp: () => row.previousElementSibling?.cells[made.cellIndex],
      ArrowDown: () => row.nextElementSibling?.cells[made.cellIndex],
      Home: () => row.cells[1],
      End: () => row.cells[row.cells.length - 1],
    }[event.key]?.();
    if (next?.tagName === "TD") {
      made.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    }
    if (next || event.key === "Enter") event.preventDefault();
  }

  byId("matrix-scale").style.background = `linear-gradient(to right, ${CIVIDIS.map(([r, g, b]) => `rgb(${r} ${g} ${b})`).join(", ")})`;
  const wanted = report.pictures.includes("lpips") ? "lpips" : report.pictures[0];
  const valued = Object.keys(report.metrics).filter((name) => report.values[name].flat().some((value) => value !== null));
  fill(metric, valued.map((name) => [name, `${name} ${arrow(name)}`]), wanted);
  if (valued.length) {
    for (const control of [metric, order]) control.addEventListener("change", draw);
    table.addEventListener("click", (event) => { if (event.target.closest("td")) open(event.target.closest("td")); });
    table.addEventListener("keydown", keys);
    whenSeen(table, draw);
  }
}
