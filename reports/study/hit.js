"use strict";
(() => {
  // No template literals in here: MTurk fills in every dollar sign with braces, in scripts too.
  const root = document.getElementById("study"), query = new URLSearchParams(location.search);
  const hit = root.dataset.hit, base = root.dataset.base, rating = root.dataset.kind === "rating";
  const assignment = query.get("assignmentId") || "", worker = query.get("workerId") || "";
  const preview = !assignment || assignment === "ASSIGNMENT_ID_NOT_AVAILABLE";
  const sections = [...root.querySelectorAll(".question")];
  const intro = root.querySelector("#intro"), end = root.querySelector("#end"), start = root.querySelector("#start");
  const notice = root.querySelector("#notice");
  // MTurk's own page may be a form around this one, and the inner of two nested forms is none to a browser.
  const form = root.querySelector("input[name=assignmentId]").form;

  // What was answered is kept in this browser, so that a page that is loaded again goes on where it was.
  const memory = {
    read(key) {
      try { return JSON.parse(localStorage.getItem("study " + key)); } catch { return null; }
    },
    write(key, value) {
      try { localStorage.setItem("study " + key, JSON.stringify(value)); } catch { /* not allowed here */ }
    },
  };
  const kept = memory.read("answers " + assignment) || {};
  let current = null;

  function addressOfSubmission() {
    let given;
    try { given = new URL(query.get("turkSubmitTo") || "https://www.mturk.com"); } catch { return form.action; }
    const known = given.origin === location.origin
      || (given.protocol === "https:" && /(^|\.)mturk\.com$/.test(given.hostname));
    return known ? given.origin + "/mturk/externalSubmit" : form.action;
  }

  /** One question: its two videos, played together until both have ended, and again. */
  class Question {
    constructor(section) {
      this.section = section;
      this.slot = section.dataset.slot;
      this.videos = [...section.querySelectorAll("video")];
      this.inputs = [...section.querySelectorAll("input[type=radio]")];
      this.picture = section.querySelector("img");
      this.next = section.querySelector(".next");
      this.status = section.querySelector(".status");
      this.plays = 0;
      this.seconds = 0;
      this.since = 0;
      this.pass = 0;
      const broken = () => this.say("A video cannot be loaded. Check the connection and load this page again; "
        + "what you have answered is kept.");
      if (this.picture) {
        this.picture.addEventListener("error", broken);
        this.picture.addEventListener("load", () => {
          this.picture.style.setProperty("--ratio", String(this.picture.naturalWidth / this.picture.naturalHeight));
        });
      }
      for (const video of this.videos) {
        video.preload = "none";
        video.src = base + section.dataset[video.dataset.side] + ".mp4";
        video.addEventListener("loadedmetadata", () =>
          video.style.setProperty("--ratio", String(video.videoWidth / video.videoHeight)));
        video.addEventListener("ended", () => this.ended());
        video.addEventListener("error", broken);
      }
      for (const input of this.inputs) input.addEventListener("change", () => this.offer());
      section.querySelector(".again").addEventListener("click", () => this.play());
      this.next.addEventListener("click", () => this.finish());
    }

    say(text) { if (this.status.textContent !== text) this.status.textContent = text; }

    load() {
      for (const video of this.videos) if (video.preload !== "auto") video.preload = "auto";
      if (this.picture && !this.picture.src) this.picture.src = base + this.section.dataset.picture + ".png";
    }

    /** Whether all that is to be seen is there. */
    loaded() {
      return this.videos.every(video => video.readyState >= 3 && !video.seeking)
        && (!this.picture || (this.picture.complete && this.picture.naturalWidth > 0));
    }

    show() {
      this.load();
      this.section.hidden = false;
      this.since = performance.now();
      this.say(preview ? "This is a preview: accept the HIT to answer." : "Watch both videos to the end.");
      this.play();
    }

    hide() {
      this.pass += 1;
      this.section.hidden = true;
      for (const video of this.videos) video.pause();
    }

    /** Play both from the beginning, together, once both are there. */
    play() {
      const pass = this.pass += 1;
      for (const video of this.videos) {
        video.pause();
        video.currentTime = 0;
      }
      const listen = how => {
        for (const video of this.videos) for (const what of ["canplay", "seeked"]) video[how](what, ready);
        if (this.picture) this.picture[how]("load", ready);
      };
      const ready = () => {
        if (pass === this.pass && !this.loaded()) return;
        listen("removeEventListener");
        if (pass !== this.pass || document.hidden) return;
        Promise.all(this.videos.map(video => video.play())).catch(() => {
          if (pass === this.pass) this.say("Press “Play again” to play the videos.");
        });
      };
      listen("addEventListener");
      ready();
    }

    ended() {
      if (!this.videos.every(video => video.ended) || this.section.hidden) return;
      this.plays += 1;
      if (!preview && this.plays === 1) {
        for (const input of this.inputs) input.disabled = false;
        this.say(rating ? "Rate the copy." : "Choose video 1 or video 2.");
        this.offer();
      }
      this.play();
    }

    names() { return [...new Set(this.inputs.map(input => input.name))]; }

    answered() { return this.names().every(name => this.inputs.some(input => input.name === name && input.checked)); }

    offer() {
      this.next.disabled = preview || this.plays < 1 || !this.answered();
      if (!this.next.disabled) this.say("You can change your answer, or go on.");
    }

    finish() {
      if (this.next.disabled) return;
      kept[this.slot] = {
        answers: Object.fromEntries(this.inputs.filter(input => input.checked).map(input => [input.name, input.value])),
        seconds: ((performance.now() - this.since) / 1000).toFixed(1),
        plays: String(this.plays),
        width: String(Math.round(this.videos[1].getBoundingClientRect().width)),
      };
      memory.write("answers " + assignment, kept);
      advance();
    }

    /** 1 and 2 or the arrows choose a video; 1 to 5 rate the first attribute without a rating, or the focused one. */
    key(key) {
      let chosen = null;
      if (rating) {
        const focused = this.inputs.includes(document.activeElement) ? document.activeElement.name : null;
        const open = this.names().find(name => !this.inputs.some(input => input.name === name && input.checked));
        const name = focused || open;
        chosen = this.inputs.find(input => input.name === name && input.value === key);
      } else {
        const side = { 1: "left", ArrowLeft: "left", 2: "right", ArrowRight: "right" }[key];
        chosen = this.inputs.find(input => input.value === side);
      }
      if (!chosen || chosen.disabled) return false;
      chosen.checked = true;
      if (!rating) chosen.focus({ preventScroll: true });
      this.offer();
      return true;
    }
  }

  const questions = sections.map(section => new Question(section));

  /** Show the first question without an answer, or the end. */
  function advance() {
    if (current) current.hide();
    const at = questions.findIndex(question => !kept[question.slot]);
    intro.hidden = true;
    current = at < 0 ? null : questions[at];
    if (current) {
      current.show();
      if (questions[at + 1]) questions[at + 1].load();
      current.section.scrollIntoView();
      return;
    }
    end.hidden = false;
    root.querySelector("#send").focus();
  }

  /** Put what was kept into the form; false where something is missing. */
  function fillIn() {
    if (preview || questions.some(question => !kept[question.slot])) return false;
    for (const question of questions) {
      const one = kept[question.slot];
      for (const input of question.inputs) {
        input.disabled = false;
        input.checked = one.answers[input.name] === input.value;
      }
      question.section.querySelector("input[name^=seconds]").value = one.seconds;
      question.section.querySelector("input[name^=plays]").value = one.plays;
    }
    root.querySelector("input[name=video_width]").value = kept[questions[0].slot].width;
    const [id, ...others] = form.querySelectorAll("input[name=assignmentId]");
    id.value = assignment;
    for (const other of others) other.disabled = true;
    return true;
  }

  form.addEventListener("submit", event => {
    form.method = "post";
    form.action = addressOfSubmission();
    if (!fillIn()) {
      event.preventDefault();
      return;
    }
    memory.write("done " + worker + " " + hit, assignment);
  });

  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (!current) return;
    const key = event.key;
    let used = false;
    if (key === "Enter" && !(document.activeElement instanceof HTMLButtonElement)) {
      current.finish();
      used = true;
    } else if (key === "r" || key === "R") {
      current.play();
      used = true;
    } else {
      used = current.key(key);
    }
    // Arrows must not scroll or move between radio buttons, and Enter must not submit the form.
    if (used || (!rating && key.startsWith("Arrow") && /Left|Right/.test(key))) event.preventDefault();
  });

  // A video that nobody can see is not watched: it begins again.
  document.addEventListener("visibilitychange", () => {
    if (!current) return;
    if (document.hidden) for (const video of current.videos) video.pause();
    else current.play();
  });

  start.addEventListener("click", advance);
  const done = memory.read("done " + worker + " " + hit);
  if (done && done !== assignment && !preview) {
    notice.textContent = "You have answered these questions before. Please return this HIT; answers count only once.";
    start.disabled = true;
  } else if (preview) {
    notice.textContent = "This is a preview: you can look at the first question, and answer once you have accepted the HIT.";
  } else if (Object.keys(kept).length) {
    start.textContent = "Go on";
  }
})();
