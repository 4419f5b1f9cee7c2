"use strict";
{
  const columns = Object.keys(report.metrics);
  const chosen = [...document.querySelectorAll("#columns input")];
  const filtered = [byId("means"), byId("per-clip")];
  const BOUND = /^(.+?)(<=|>=|<|>)(-?[\d.]+)$/;
  const HOLDS = { "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b };

  /** Sort a table's rows by a column: numbers by size, text by alphabet, what is missing last. */
  function sort(table, at) {
    const headings = [...table.tHead.rows[0].cells];
    const up = headings[at].getAttribute("aria-sort") !== "ascending";
    headings.forEach((heading) => heading.removeAttribute("aria-sort"));
    headings[at].setAttribute("aria-sort", up ? "ascending" : "descending");
    const value = (row) => row.cells[at].dataset.value ?? "";
    const compare = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === "" || y === "") return (x === "") - (y === "");
      const order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
      return up ? order : -order;
    };
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
  }

  function showColumns() {
    const hidden = new Set(chosen.filter((box) => !box.checked).map((box) => box.value));
    for (const cell of document.querySelectorAll("[data-column]")) cell.hidden = hidden.has(cell.dataset.column);
  }

  /** Whether a row is what a word asks for: it holds the word, or keeps the word's bound of a column. */
  function keeps(row, word) {
    const [, name, sign, bound] = BOUND.exec(word) ?? [];
    const column = columns.findIndex((metric) => metric.toLowerCase() === name);
    if (column < 0) return `${row.cells[0].textContent} ${row.cells[1].textContent}`.toLowerCase().includes(word);
    const { value } = row.querySelector(`[data-column="${column}"]`).dataset;
    return value !== "" && HOLDS[sign](Number(value), Number(bound));
  }

  function filter() {
    const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const table of filtered) {
      for (const row of table.tBodies[0].rows) row.hidden = !words.every((word) => keeps(row, word));
    }
    const shown = [...filtered[0].tBodies[0].rows].filter((row) => !row.hidden).length;
    byId("filter-count").textContent = words.length ? `${shown} of ${report.points.length} points` : "";
  }

  function sortable(text, small, column) {
    const cell = make("th", { scope: "col" }, make("button", { type: "button" }, text, small ? make("small", {}, small) : ""));
    if (column !== undefined) Object.assign(cell, { className: "n" }).dataset.column = column;
    return cell;
  }

  function row(point, k, clip) {
    const method = make("th", { scope: "row" }, chip(point), point.method);
    method.dataset.value = point.method;
    const name = make("td", {}, point.name);
    name.dataset.value = k;
    const cells = columns.map((metric, column) => {
      const value = report.values[metric][k][clip];
      const cell = make("td", { className: "n" }, number(value, metric));
      Object.assign(cell.dataset, { column, value: value ?? "" });
      return cell;
    });
    const watch = make("button", { type: "button" }, "watch");
    watch.setAttribute("aria-label", `Watch ${label(point)}`);
    watch.addEventListener("click", () => viewer.show(clip, k));
    return make("tr", {}, method, name, ...cells, make("td", {}, report.videos[k][clip] === null ? "" : watch));
  }

  function drawClip() {
    const clip = Number(byId("clip").value);
    const head = make("tr", {}, sortable("method"), sortable("point"));
    columns.forEach((metric, k) => head.append(sortable(`${metric} ${arrow(metric)}`, report.metrics[metric].unit, k)));
    head.append(make("th", { scope: "col" }, make("span", { className: "unseen" }, "video")));
    const body = make("tbody", {}, ...report.points.map((point, k) => row(point, k, clip)));
    byId("per-clip").replaceChildren(make("thead", {}, head), body);
    showColumns();
    filter();
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    table.addEventListener("click", (event) => {
      const cell = event.target.closest("thead th");
      if (cell && event.target.closest("button")) sort(table, cell.cellIndex);
    });
  }
  for (const box of chosen) box.addEventListener("change", showColumns);
  byId("filter").addEventListener("input", filter);
  fill(byId("clip"), report.clips.map((clip, k) => [k, clip.name]), 0);
  byId("clip").addEventListener("change", drawClip);
  drawClip();
}
