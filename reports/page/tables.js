"use strict";
{
  const columns = Object.keys(report.metrics);
  const chosen = [...document.querySelectorAll("#columns input")];

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

  function heading(text, small, column) {
    const cell = make("th", { scope: "col" }, make("button", { type: "button" }, text, small ? make("small", {}, small) : ""));
    if (column !== undefined) Object.assign(cell, { className: "n" }).dataset.column = column;
    return cell;
  }

  function row(point, k, clip) {
    const chip = make("span", { className: "chip" });
    chip.style.background = look(point).colour;
    const method = make("th", { scope: "row" }, chip, point.method);
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
    const head = make("tr", {}, heading("method"), heading("point"));
    columns.forEach((metric, k) => {
      const { unit, direction } = report.metrics[metric];
      head.append(heading(`${metric} ${direction === "higher" ? "↑" : "↓"}`, unit, k));
    });
    head.append(make("th", { scope: "col" }));
    const body = make("tbody", {}, ...report.points.map((point, k) => row(point, k, clip)));
    byId("per-clip").replaceChildren(make("thead", {}, head), body);
    showColumns();
  }

  for (const table of [byId("means"), byId("per-clip")]) {
    table.addEventListener("click", (event) => {
      const cell = event.target.closest("thead th");
      if (cell && event.target.closest("button")) sort(table, cell.cellIndex);
    });
  }
  for (const box of chosen) box.addEventListener("change", showColumns);
  fill(byId("clip"), report.clips.map((clip, k) => [k, clip.name]), 0);
  byId("clip").addEventListener("change", drawClip);
  drawClip();
}
