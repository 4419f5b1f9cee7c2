"use strict";
// Videos in step. Standing, every video is set to the middle of the same frame. Running, the slowest
// leads: who is ahead of it slows down, and who is nearly a frame ahead waits.
const viewer = (() => {
  const [stage, play, scrub, output, speed] = ["stage", "play", "scrub", "frame", "speed-factor"].map(byId);
  const [clipSelect, curveMetric] = ["view-clip", "curve-metric"].map(byId);
  const pointSelects = [...document.querySelectorAll(".view-point")];
  let clip = null, shown = [], videos = [], readouts = [], values = null, at = 0, running = false;

  const last = () => Math.max(0, clip.frames - 1);
  const clipNumber = () => Number(clipSelect.value);
  const frameAt = (seconds) => Math.min(last(), Math.floor(seconds * clip.fps + 0.001));

  function tell(frame) {
    at = frame;
    scrub.value = frame;
    output.textContent = `frame ${frame} of ${clip.frames}`;
    for (const { k, element } of readouts) {
      const own = values?.[k] ?? {};
      const parts = [];
      if (own[curveMetric.value]) parts.push(`${curveMetric.value} ${number(own[curveMetric.value][frame], curveMetric.value)}`);
      if (own.bytes) parts.push(`${own.bytes[frame]} B`);
      element.textContent = parts.join(" · ");
    }
    timelines.move(frame);
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

  function figure(name, point, source, k) {
    const readout = make("small", {});
    const caption = make("figcaption", {}, make("span", { className: "name" }, name), readout);
    if (point) caption.prepend(chip(point));
    if (k !== undefined) readouts.push({ k, element: readout });
    const box = make("div", { className: "box" });
    const absent = (why) => box.replaceChildren(make("p", { className: "absent" }, why));
    if (source === null) absent("No video is stored for this one: it failed, or the run had run.videos=false.");
    else {
      const video = make("video", { muted: true, playsInline: true, preload: "auto" });
      video.setAttribute("aria-label", name);
      for (const event of ["loadedmetadata", "seeked"]) video.addEventListener(event, () => settle(video));
      video.addEventListener("error", () => {
        videos = videos.filter((other) => other !== video);
        absent("This video cannot be played here.");
        views.refill();
      });
      video.src = source;
      videos.push(video);
      box.append(video);
    }
    return make("figure", {}, box, caption);
  }

  function load() {
    if (running) stop();
    for (const video of videos) video.removeAttribute("src");
    clip = report.clips[clipNumber()];
    shown = pointSelects.map((select) => select.value).filter((value) => value !== "").map(Number);
    [videos, readouts, values] = [[], [], null];
    const figures = [figure("reference", null, clip.video)];
    for (const k of shown) {
      const point = report.points[k];
      figures.push(figure(label(point), point, report.videos[k][clipNumber()], k));
    }
    stage.style.setProperty("--ratio", clip.width / clip.height);
    stage.replaceChildren(...figures);
    views.refill();
    scrub.max = last();
    for (const control of [play, scrub, byId("back"), byId("on")]) control.disabled = !videos.length;
    tell(Math.min(at, last()));
    loadValues(clipNumber());
  }

  async function loadValues(number) {
    let problem;
    const found = await frameValues.of(number).catch((error) => {
      problem = error.message;
      return null;
    });
    if (number !== clipNumber()) return; // another clip was chosen meanwhile
    values = found;
    timelines.draw(clip.frames, shown, values, problem);
    tell(at);
  }

  function redraw() {
    timelines.draw(clip.frames, shown, values);
    tell(at);
  }

  function keys(event) {
    const here = event.target;
    const ours = here === document.body || byId("viewer").contains(here);
    if (!ours || here.matches("select, input") || event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: [10, 0], ArrowRight: [-10, 0], ArrowUp: [0, 10], ArrowDown: [0, -10] };
    const enlarging = { "+": 1, "-": -1, "−": -1 };
    const steps = event.shiftKey ? {} : { ArrowLeft: at - 1, ArrowRight: at + 1 };
    const inside = { ...steps, Home: 0, End: last() };
    const target = (here === document.body ? steps : inside)[event.key];
    if (target !== undefined) seek(target);
    else if (event.key === " " && here === stage) toggle();
    else if (event.key in enlarging && here === stage) views.enlarge(enlarging[event.key]);
    else if (event.shiftKey && event.key in moves && here === stage) views.shift(...moves[event.key]);
    else return;
    event.preventDefault();
  }

  /** Choose a clip (or leave it, if null) and a point, and go there. */
  function show(clipAt, k) {
    clipSelect.value = clipAt ?? clipSelect.value;
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
  pointSelects.forEach((select, i) => fill(select, choices, middles[i] ?? ""));
  for (const select of [clipSelect, ...pointSelects]) select.addEventListener("change", load);
  curveMetric.addEventListener("change", redraw);
  byId("curve").addEventListener("click", (event) => {
    const frame = timelines.frameOf(event);
    if (frame !== null && videos.length) seek(frame);
  });
  play.addEventListener("click", toggle);
  byId("back").addEventListener("click", () => seek(at - 1));
  byId("on").addEventListener("click", () => seek(at + 1));
  scrub.addEventListener("input", () => seek(Number(scrub.value)));
  addEventListener("keydown", keys);
  document.addEventListener("visibilitychange", () => { if (document.hidden && running) toggle(); });
  dark.addEventListener("change", redraw);
  if (report.clips.length) load();
  return { show };
})();
