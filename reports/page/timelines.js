"use strict";
// Under the viewer: a metric and the bytes of each frame, and where the videos stand.
const timelines = (() => {
  const [plot, playhead, note, metric] = ["curve", "playhead", "curve-note", "curve-metric"].map(byId);
  let frames = 1, at = 0;

  function traces(shown, values) {
    return shown.flatMap((k, i) => {
      const own = values[k] ?? {};
      const { colour, dash } = look(report.points[k]);
      const again = shown.slice(0, i).some((other) => report.points[other].method === report.points[k].method);
      const line = { color: colour, dash: again ? "dot" : dash, width: 1.5 };
      const common = { type: "scatter", mode: "lines", name: plain(label(report.points[k])), line, legendgroup: k };
      const curves = [];
      if (own[metric.value]) curves.push({ ...common, y: own[metric.value] });
      if (own.bytes) curves.push({ ...common, y: own.bytes, yaxis: "y2", showlegend: !curves.length });
      return curves;
    });
  }

  /** Draw what is known of the points shown; `values` as from `frameValues`, or null while they are loaded. */
  function draw(count, shown, values, problem) {
    frames = count;
    const drawn = values ? traces(shown, values) : [];
    const withBytes = drawn.filter((trace) => trace.yaxis === "y2");
    plot.hidden = playhead.hidden = !drawn.length;
    note.textContent = problem ?? (drawn.length ? "" : values ? "There are no values by frame for what is shown." : "");
    if (!drawn.length) return;
    const later = withBytes.flatMap((trace) => [...trace.y.subarray(1)]);
    if (withBytes.length) {
      const first = withBytes.map((trace) => `${trace.y[0]}`).join(" and ");
      note.textContent = `Bytes: what each frame added to the stream. Frame 0, with source picture and container (${first}), is off the scale.`;
    }
    const layout = plotLayout({
      margin: { l: 50, r: 15, t: 10, b: 40 },
      showlegend: true,
      legend: { orientation: "h", y: 1.02, yanchor: "bottom" },
      hovermode: "x",
      xaxis: { title: { text: "frame" }, range: [-0.5, frames - 0.5], anchor: withBytes.length ? "y2" : "y" },
      yaxis: { title: { text: plain(`${metric.value} ${arrow(metric.value)}`) }, domain: [withBytes.length ? 0.42 : 0, 1] },
      ...(withBytes.length ? { yaxis2: { title: { text: "bytes" }, domain: [0, 0.34], range: [0, 1.05 * Math.max(1, ...later)] } } : {}),
    });
    Plotly.react(plot, drawn, layout, plotConfig).then(() => move(at));
  }

  /** Put the playhead on a frame. */
  function move(frame) {
    at = frame;
    const size = plot._fullLayout?._size;
    if (!size || plot.hidden) return;
    playhead.style.left = `${size.l + (size.w * (at + 0.5)) / frames}px`;
    playhead.style.top = `${size.t}px`;
    playhead.style.height = `${size.h}px`;
  }

  /** The frame that a click is on, or null beside the curves. */
  function frameOf(event) {
    const size = plot._fullLayout?._size;
    const x = size ? (event.clientX - plot.getBoundingClientRect().left - size.l) / size.w : -1;
    return x >= 0 && x < 1 ? Math.floor(x * frames) : null;
  }

  fill(metric, report.pictures.map((name) => [name, name]), "lpips");
  addEventListener("resize", () => requestAnimationFrame(() => move(at)));
  return { draw, move, frameOf };
})();
