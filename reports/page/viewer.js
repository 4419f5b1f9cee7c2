"use strict";
// Videos in step. Standing, every video is set to the middle of the same frame. Running, the slowest
// leads: who is ahead of it slows down, and who is nearly a frame ahead waits.
const viewer = (() => {
  const [stage, play, scrub, output, speed] = ["stage", "play", "scrub", "frame", "speed"].map(byId);
  const [clipSelect, curveMetric] = ["view-clip", "curve-metric"].map(byId);
  const pointSelects = [...document.querySelectorAll(".view-point")];
  let clip = null, shown = [], videos = [], readouts = [], at = 0, running = false;

  const last = () => Math.max(0, clip.frames - 1);
  const clipNumber = () => Number(clipSelect.value);
  const frameAt = (seconds) => Math.min(last(), Math.floor(seconds * clip.fps + 0.001));
  const ownFrames = (k) => report.frames[k]?.[clipNumber()]?.[curveMetric.value];

  function tell(frame) {
    at = frame;
    scrub.value = frame;
    output.textContent = `frame ${frame} of ${clip.frames}`;
    readouts.forEach(({ k, element }) => {
      const value = ownFrames(k)?.[frame];
      element.textContent = value === undefined ? "" : `${curveMetric.value} ${number(value, curveMetric.value)}`;
    });
    movePlayhead();
  }

  /** Stand at a frame: all videos in its middle, so that rounding cannot show a neighbour. */
  function seek(frame) {
    if (running) stop();
    tell(Math.max(0, Math.min(last(), frame)));
    for (const video of videos) settle(video);
  }

  /** Bring a standing video to the frame; one seek at a time, since browsers can lose one that overtakes another. */
  function settle(video) {
    const wanted = (at + 0.5) / clip.fps;
    if (!running && !video.seeking && video.sought !== wanted) video.currentTime = video.sought = wanted;
  }

  function stop() {
    running = false;
    play.textContent = "Play";
    for (const video of videos) video.pause();
  }

  function start() {
    if (!videos.length) return;
    if (at >= last()) seek(0);
    running = true;
    play.textContent = "Pause";
    for (const video of videos) run(video);
    requestAnimationFrame(keepStep);
  }

  function run(video) {
    video.sought = null;
    video.playbackRate = Number(speed.value);
    video.play().catch(() => {}); // interrupted by a pause: wanted
  }

  function keepStep() {
    if (!running) return;
    const slowest = Math.min(...videos.map((video) => video.currentTime));
    for (const video of videos) {
      const ahead = (video.currentTime - slowest) * clip.fps;
      if (ahead > 0.75) video.pause();
      else if (video.paused && ahead < 0.25 && !video.ended) run(video);
      else video.playbackRate = speed.value * (ahead > 0.1 ? 1 - 0.3 * Math.min(1, ahead) : 1);
    }
    tell(frameAt(slowest));
    if (videos.some((video) => video.ended) || at >= last()) seek(last());
    else requestAnimationFrame(keepStep);
  }

  function toggle() {
    if (running) seek(at);
    else start();
  }

  function figure(name, colour, source, k) {
    const readout = make("small", {});
    const caption = make("figcaption", {}, name, readout);
    if (colour) {
      const chip = make("span", { className: "chip" });
      chip.style.background = colour;
      caption.prepend(chip);
    }
    if (k !== undefined) readouts.push({ k, element: readout });
    const ratio = `${clip.width} / ${clip.height}`;
    const absent = (why) => {
      const box = make("div", { className: "absent" }, why);
      box.style.aspectRatio = ratio;
      return box;
    };
    if (source === null) return make("figure", {}, absent("No video is stored for this one: it failed, or the run had run.videos=false."), caption);
    const video = make("video", { muted: true, playsInline: true, preload: "auto" });
    video.style.aspectRatio = ratio;
    video.setAttribute("aria-label", name);
    for (const event of ["loadedmetadata", "seeked"]) video.addEventListener(event, () => settle(video));
    video.addEventListener("error", () => {
      videos = videos.filter((other) => other !== video);
      video.replaceWith(absent("This video cannot be played here."));
    });
    video.src = source;
    videos.push(video);
    return make("figure", {}, video, caption);
  }

  function load() {
    if (running) stop();
    for (const video of videos) video.removeAttribute("src");
    clip = report.clips[clipNumber()];
    shown = pointSelects.map((select) => select.value).filter((value) => value !== "").map(Number);
    videos = [];
    readouts = [];
    const figures = [figure("reference", null, clip.video)];
    for (const k of shown) {
      const point = report.points[k];
      figures.push(figure(label(point), look(point).colour, report.videos[k][clipNumber()], k));
    }
    stage.replaceChildren(...figures);
    scrub.max = last();
    for (const control of [play, scrub, byId("back"), byId("on")]) control.disabled = !videos.length;
    drawCurve();
    tell(Math.min(at, last()));
  }

  function drawCurve() {
    const metric = curveMetric.value;
    const traces = shown.filter(ownFrames).map((k) => {
      const { colour, dash } = look(report.points[k]);
      const sameBefore = shown.slice(0, shown.indexOf(k)).some((other) => report.points[other].method === report.points[k].method);
      return { type: "scatter", mode: "lines", name: plain(label(report.points[k])), y: ownFrames(k), line: { color: colour, dash: sameBefore ? "dot" : dash, width: 1.5 } };
    });
    const note = report.withoutFrames
      ? `${report.withoutFrames} values by frame are too many for one page; they are in the run's units/*.parquet.`
      : "There are no values by frame for what is shown.";
    byId("curve-note").hidden = traces.length > 0;
    byId("curve-note").textContent = note;
    byId("curve").hidden = byId("playhead").hidden = !traces.length;
    if (!traces.length) return;
    const layout = plotLayout({
      margin: { l: 50, r: 15, t: 10, b: 40 },
      showlegend: true,
      legend: { orientation: "h", y: 1.02, yanchor: "bottom" },
      hovermode: "x unified",
      xaxis: { title: { text: "frame" }, range: [-0.5, last() + 0.5] },
      yaxis: { title: { text: plain(metric) } },
    });
    Plotly.react("curve", traces, layout, plotConfig).then(movePlayhead);
  }

  function movePlayhead() {
    const size = byId("curve")._fullLayout?._size;
    if (!size) return;
    const style = byId("playhead").style;
    style.left = `${size.l + (size.w * (at + 0.5)) / clip.frames}px`;
    style.top = `${size.t}px`;
    style.height = `${size.h}px`;
  }

  function keys(event) {
    const here = event.target;
    const ours = here === document.body || byId("viewer").contains(here);
    if (!ours || here.matches("select, input") || event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowLeft: at - 1, ArrowRight: at + 1 };
    const inside = { ...steps, Home: 0, End: last() };
    const target = (here === document.body ? steps : inside)[event.key];
    if (target !== undefined) seek(target);
    else if (event.key === " " && here === stage) toggle();
    else return;
    event.preventDefault();
  }

  /** Choose a clip and a point, and go there. */
  function show(clipAt, k) {
    clipSelect.value = clipAt;
    pointSelects[0].value = k;
    load();
    byId("viewer").scrollIntoView();
    stage.focus({ preventScroll: true });
  }

  const choices = [["", "none"], ...report.points.map((point, k) => [k, label(point)])];
  const watchable = report.points.map((_, k) => k).filter((k) => report.videos[k].some((video) => video !== null));
  const middles = Object.keys(report.methods)
    .map((method) => watchable.filter((k) => report.points[k].method === method))
    .filter((own) => own.length)
    .map((own) => own[Math.floor(own.length / 2)]);
  fill(clipSelect, report.clips.map((each, k) => [k, each.name]), 0);
  pointSelects.forEach((select, i) => fill(select, choices, i < 2 ? middles[i] ?? "" : ""));
  fill(curveMetric, report.pictures.map((name) => [name, name]), "lpips");
  for (const select of [clipSelect, ...pointSelects]) select.addEventListener("change", load);
  curveMetric.addEventListener("change", () => { drawCurve(); tell(at); });
  play.addEventListener("click", toggle);
  byId("back").addEventListener("click", () => seek(at - 1));
  byId("on").addEventListener("click", () => seek(at + 1));
  scrub.addEventListener("input", () => seek(Number(scrub.value)));
  addEventListener("keydown", keys);
  addEventListener("resize", () => requestAnimationFrame(movePlayhead));
  document.addEventListener("visibilitychange", () => { if (document.hidden && running) toggle(); });
  dark.addEventListener("change", drawCurve);
  if (report.clips.length) load();
  return { show };
})();
