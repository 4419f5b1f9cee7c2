"use strict";
if (byId("rd")) {
  const [metric, rate, axis, among] = ["rd-metric", "rd-rate", "rd-axis", "rd-clips"].map(byId);
  const [bars, names] = ["rd-bars", "rd-names"].map(byId);
  const SIDES = ["top right", "bottom left", "top left", "bottom right"]; // names of neighbours stand apart
  const TICKS = Array.from({ length: 13 }, (_, k) => k - 6).flatMap((k) => [1, 2, 5].map((digit) => Number(`${digit}e${k}`)));
  const whole = () => report.subsets[among.value] ?? 1;
  const few = (at) => Math.min(at.x.clips, at.y.clips) < whole();
  const prefer = (wanted, all) => (all.includes(wanted) ? wanted : all[0]);

  /** 'bpp_motion' → 'bpp, motion'. */
  function rateName(column) {
    const at = column.lastIndexOf("_");
    return `${column.slice(0, at)}, ${column.slice(at + 1)}`;
  }

  /** Each point's mean over the chosen clips, or its value on the one. */
  function found(column) {
    if (among.value in report.aggregates) return report.aggregates[among.value][column];
    return report.values[column].map((values) => ({ mean: values[Number(among.value)], low: null, high: null, clips: 1 }));
  }

  /** A method's points that have both values, from the lowest rate to the highest. */
  function curve(method) {
    const [x, y] = [rate.value, metric.value].map(found);
    return report.points
      .map((point, k) => ({ point, k, x: x[k], y: y[k] }))
      .filter((at) => at.point.method === method && at.x && at.y && at.x.mean !== null && at.y.mean !== null)
      .sort((a, b) => a.x.mean - b.x.mean);
  }

  function hover({ point, x, y }) {
    const value = (found, column) => {
      const interval = found.low === null ? "" : ` [${number(found.low, column)}, ${number(found.high, column)}]`;
      return `${number(found.mean, column)}${interval} ${plain(report.metrics[column].unit)}`;
    };
    const short = ([, text]) => String(text).length <= 40; // whole command lines stand in the page's text
    const settings = Object.entries(point.settings).filter(short).slice(0, 8);
    return [
      `<b>${plain(label(point))}</b>`,
      `${plain(metric.value)} ${value(y, metric.value)}`,
      `${plain(rateName(rate.value))} ${value(x, rate.value)}`,
      ...settings.map(([key, text]) => plain(`${key}: ${text}`)),
      `${y.clips} of ${clips(whole())}`,
    ].join("<br>");
  }

  function errors(points, side) {
    const found = points.map((at) => at[side]);
    return {
      type: "data",
      symmetric: false,
      array: found.map((f) => (f.high === null ? 0 : f.high - f.mean)),
      arrayminus: found.map((f) => (f.low === null ? 0 : f.mean - f.low)),
      thickness: 1,
      width: 3,
      visible: bars.checked,
    };
  }

  function trace(method, points) {
    const { colour, symbol, dash } = report.methods[method];
    const number = Object.keys(report.methods).indexOf(method);
    return {
      type: "scatter",
      name: plain(method),
      mode: `${points.length > 1 ? "lines+" : ""}markers${names.checked ? "+text" : ""}`,
      x: points.map((at) => at.x.mean),
      y: points.map((at) => at.y.mean),
      text: points.map((at) => plain(at.point.name)),
      textposition: SIDES[number % SIDES.length],
      textfont: { size: 11, color: theme().soft },
      hovertext: points.map(hover),
      customdata: points.map((at) => at.k),
      hoverinfo: "text",
      line: { color: colour, dash, width: 2 },
      marker: { color: colour, size: 9, symbol: points.map((at) => (few(at) ? `${symbol}-open` : symbol)), line: { color: colour, width: 2 } },
      error_x: errors(points, "x"),
      error_y: errors(points, "y"),
    };
  }

  /** A method that sends nothing has no place on a logarithmic axis: its quality is a line across. */
  function level(method, at) {
    const { colour } = report.methods[method];
    return {
      shape: { type: "line", xref: "paper", x0: 0, x1: 1, y0: at.y.mean, y1: at.y.mean, line: { color: colour, dash: "dot", width: 2 } },
      annotation: {
        xref: "paper", x: 1, xanchor: "right", y: at.y.mean, yanchor: "bottom", showarrow: false,
        text: plain(`${label(at.point)}: rate 0`), font: { color: theme().soft, size: 11 },
      },
    };
  }

  function draw() {
    const logarithmic = axis.value === "log";
    const traces = [], levels = [], notes = [];
    for (const method of Object.keys(report.methods)) {
      const points = curve(method);
      const shown = points.filter((at) => !logarithmic || at.x.mean > 0);
      if (shown.length) traces.push(trace(method, shown));
      levels.push(...points.filter((at) => !shown.includes(at)).map((at) => level(method, at)));
    }
    const { unit, direction } = report.metrics[metric.value];
    const narrow = innerWidth < 640;
    const layout = plotLayout({
      margin: { l: 50, r: 15, t: 10, b: 50 },
      showlegend: true,
      legend: narrow ? { orientation: "h", y: -0.22 } : { orientation: "v", x: 1.01, y: 1 },
      shapes: levels.map((at) => at.shape),
      annotations: levels.map((at) => at.annotation),
      xaxis: {
        type: logarithmic ? "log" : "linear",
        title: { text: plain(`${rateName(rate.value)} [${report.metrics[rate.value].unit}]`) },
        ...(logarithmic ? { tickvals: TICKS, ticktext: TICKS.map((tick) => tick.toLocaleString("en", { maximumFractionDigits: 6 })) } : { rangemode: "tozero" }),
      },
      yaxis: { title: { text: plain(`${metric.value}${unit === "" ? "" : ` [${unit}]`} ${direction === "higher" ? "↑" : "↓"}`) } },
    });
    Plotly.react("rd-plot", traces, layout, plotConfig);
    const chosen = among.selectedOptions[0].text;
    const over = among.value in report.aggregates ? (whole() === 1 ? "one clip" : `means over ${chosen}`) : `clip ${chosen}`;
    byId("rd-caption").textContent = `${metric.value} (${betterIs[direction]}) against ${rateName(rate.value)} accounting; ${over}.`;
    if (levels.length) notes.push("Dotted lines: rate 0 under this accounting, so only the quality can be shown.");
    if (Object.keys(report.methods).flatMap(curve).some(few)) notes.push("Open markers: not all clips count; compare only what counts the same clips.");
    byId("rd-notes").textContent = notes.join(" ");
    const stem = `rd_${metric.value}_${rate.value.replace(/^bpp_/, "")}`;
    const files = [".svg", ".pdf"].map((end) => stem + end).filter((name) => rate.value.startsWith("bpp_") && name in report.plots);
    const links = (among.value === "all" ? files : []).flatMap((name) => [" ", make("a", { href: report.plots[name] }, name)]);
    byId("rd-files").replaceChildren(...(links.length ? ["For print:", ...links] : []));
  }

  if (report.pictures.length && report.rates.length) {
    fill(metric, report.pictures.map((name) => [name, `${name} ${arrow(name)}`]), prefer("lpips", report.pictures));
    fill(rate, report.rates.map((name) => [name, rateName(name)]), prefer("bpp_total", report.rates));
    fill(among, clipChoices(Object.keys(report.aggregates)), "all");
    for (const control of [metric, rate, axis, among, bars, names]) control.addEventListener("change", draw);
    dark.addEventListener("change", draw);
    draw();
    byId("rd-plot").on("plotly_click", ({ points }) => {
      const k = points[0].customdata;
      const clip = among.value in report.aggregates ? null : Number(among.value);
      if (k !== undefined) viewer.show(clip, k);
    });
  } else {
    byId("rd-caption").textContent = "This run has no picture metric with a rate beside it, so there is nothing to plot.";
    byId("rd-plot").hidden = true;
  }
}
