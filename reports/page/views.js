"use strict";
// How the viewer's pictures lie: side by side, or two over one another with a border between them or as their
// difference; enlarged. All of it is CSS, for a page from disk may not read its videos' pixels.
const views = (() => {
  const [stage, mode, pair, wipe, zoom] = ["stage", "view-mode", "view-pair", "wipe", "zoom"].map(byId);
  const SHARP = 4; // from here on pixels are shown as squares
  let pan = { x: 0, y: 0 };

  const over = () => mode.value !== "beside" && pair.value !== "";
  const figures = () => [...stage.children];
  const name = (figure) => figure.querySelector(".name").textContent;

  /** New pictures are on the stage: offer the pairs of those that have a video. */
  function refill() {
    const playable = figures().filter((figure) => figure.querySelector("video"));
    const pairs = playable.flatMap((a, i) => playable.slice(i + 1).map((b) => [a, b]));
    const key = ([a, b]) => `${figures().indexOf(a)} ${figures().indexOf(b)}`;
    fill(pair, pairs.map((both) => [key(both), both.map(name).join(" | ")]), pair.value);
    arrange();
  }

  function arrange() {
    const [below, top] = over() ? pair.value.split(" ").map((k) => figures()[Number(k)]) : [];
    stage.className = over() ? mode.value : "beside";
    for (const figure of figures()) {
      figure.classList.toggle("away", over() && figure !== below && figure !== top);
      figure.classList.toggle("top", figure === top);
    }
    byId("pair-label").hidden = !over();
    byId("wipe-label").hidden = stage.className !== "wipe";
    byId("pair-note").hidden = mode.value === "beside";
    byId("pair-note").textContent = !over() ? "There are not two videos to lay over one another."
      : stage.className === "wipe" ? `Left of the border ${name(below)}, right of it ${name(top)}.`
        : `|${name(below)} − ${name(top)}| × 8: black where they agree.`;
    place();
  }

  function place() {
    const scale = Number(zoom.value);
    const most = 50 * (1 - 1 / scale);
    pan = { x: Math.max(-most, Math.min(most, pan.x)), y: Math.max(-most, Math.min(most, pan.y)) };
    stage.classList.toggle("sharp", scale >= SHARP);
    stage.classList.toggle("enlarged", scale > 1);
    stage.style.setProperty("--zoom", scale);
    stage.style.setProperty("--pan-x", `${pan.x}%`);
    stage.style.setProperty("--pan-y", `${pan.y}%`);
    stage.style.setProperty("--wipe", `${wipe.value}%`);
  }

  /** Move an enlarged picture, by percents of its side. */
  function shift(x, y) {
    pan = { x: pan.x + x / Number(zoom.value), y: pan.y + y / Number(zoom.value) };
    place();
  }

  /** Enlarge by a step up or down. */
  function enlarge(step) {
    zoom.selectedIndex = Math.max(0, Math.min(zoom.length - 1, zoom.selectedIndex + step));
    place();
  }

  /** Drag the border of a wipe, or an enlarged picture. */
  function drag(event) {
    if (event.type === "pointerdown") stage.setPointerCapture(event.pointerId);
    if (!stage.hasPointerCapture(event.pointerId)) return;
    if (stage.classList.contains("wipe") && !event.shiftKey) {
      const box = stage.getBoundingClientRect();
      wipe.value = (100 * (event.clientX - box.left)) / box.width;
      place();
    } else if (event.type === "pointermove") {
      const box = stage.querySelector("figure:not(.away) .box").getBoundingClientRect();
      shift((100 * event.movementX) / box.width, (100 * event.movementY) / box.height);
    }
  }

  for (const control of [mode, pair]) control.addEventListener("change", arrange);
  wipe.addEventListener("input", place);
  zoom.addEventListener("change", place);
  for (const kind of ["pointerdown", "pointermove"]) stage.addEventListener(kind, drag);
  return { refill, shift, enlarge };
})();
