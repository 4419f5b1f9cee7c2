"use strict";
if (byId("bits")) {
  const [among, shownAs] = ["bits-clips", "bits-as"].map(byId);
  const COLOURS = { header: "#808080", source: "#0072b2", motion: "#e69f00", residual: "#cc79a7", refresh: "#009e73" };
  const { kinds, of } = report.bytes;
  const digits = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));

  /** Bytes by kind and frames of a point, over the chosen clips that it finished. */
  function sum(k) {
    const one = among.value === "all" ? null : Number(among.value);
    const clips = report.clips.map((_, clip) => clip).filter((clip) => (one ?? clip) === clip && of[k][clip]);
    const frames = clips.reduce((total, clip) => total + report.clips[clip].frames, 0);
    return { clips: clips.length, frames, bytes: kinds.map((_, i) => clips.reduce((total, clip) => total + of[k][clip][i], 0)) };
  }

  function draw() {
    const rows = report.points.map((point, k) => ({ point, ...sum(k) })).filter(({ clips }) => clips);
    const share = shownAs.value === "share";
    const unit = share ? " %" : "";
    const value = ({ frames, bytes }, i) => {
      const whole = bytes.reduce((a, b) => a + b, 0);
      return share ? (whole ? (100 * bytes[i]) / whole : 0) : bytes[i] / frames;
    };
    const present = kinds.map((_, i) => i).filter((i) => rows.some(({ bytes }) => bytes[i]));
    const traces = present.map((i) => ({
      type: "bar",
      orientation: "h",
      name: plain(kinds[i]),
      y: rows.map(({ point }) => plain(label(point))),
      x: rows.map((row) => value(row, i)),
      hovertext: rows.map((row) => `<b>${plain(label(row.point))}</b><br>${plain(kinds[i])}: ${digits(value(row, i))}${unit || " bytes a frame"}<br>${row.bytes[i]} bytes in ${row.frames} frames of ${clips(row.clips)}`),
      hoverinfo: "text",
      marker: { color: COLOURS[kinds[i]] },
    }));
    byId("bits-plot").style.height = `${rows.length * 22 + 110}px`;
    Plotly.react("bits-plot", traces, plotLayout({
      barmode: "stack",
      bargap: 0.25,
      margin: { l: 50, r: 15, t: 10, b: 40 },
      showlegend: true,
      legend: { orientation: "h", y: 1, yanchor: "bottom", traceorder: "normal" },
      xaxis: { title: { text: share ? "share of the file [%]" : "bytes a frame" }, rangemode: "tozero" },
      yaxis: { autorange: "reversed", type: "category", ticks: "" },
    }), plotConfig);
    const head = make("tr", {}, heading("point"), ...present.map((i) => heading(kinds[i], true)), heading("clips", true));
    const body = rows.map((row) =>
      make("tr", {}, make("th", { scope: "row" }, chip(row.point), label(row.point)),
        ...present.map((i) => make("td", { className: "n" }, digits(value(row, i)) + unit)),
        make("td", { className: "n" }, String(row.clips))));
    byId("bits-table").replaceChildren(make("thead", {}, head), make("tbody", {}, ...body));
  }

  fill(among, clipChoices(["all"]), "all");
  for (const control of [among, shownAs]) control.addEventListener("change", draw);
  dark.addEventListener("change", draw);
  whenSeen(byId("bits"), draw);
}
