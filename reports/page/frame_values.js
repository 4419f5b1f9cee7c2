"use strict";
// Values by frame, a clip at a time: frame_packs.py says how they are written, and why as scripts.
const frameValues = (() => {
  const KEPT = 4; // clips that are kept unpacked
  const arrived = {}, unpacked = new Map();

  /** Called by a script in data/: a clip's packet is there. */
  function put(clip, text) {
    arrived[clip] = text;
  }

  function packet(clip) {
    const inside = byId(`frames-${clip}`);
    if (inside) return Promise.resolve(inside.textContent);
    return new Promise((resolve, reject) => {
      const script = make("script", { src: `data/${clip}.js` });
      script.onload = () => {
        resolve(arrived[clip]);
        delete arrived[clip];
        script.remove();
      };
      script.onerror = () => reject(new Error(`data/${clip}.js is missing beside this page; copy the whole folder`));
      document.head.append(script);
    });
  }

  async function unpack(clip) {
    const coded = Uint8Array.from(atob(await packet(clip)), (letter) => letter.charCodeAt(0));
    const stream = new Blob([coded]).stream().pipeThrough(new DecompressionStream("gzip"));
    const data = new Uint8Array(await new Response(stream).arrayBuffer());
    const end = data.indexOf(10);
    const header = JSON.parse(new TextDecoder().decode(data.subarray(0, end)));
    const planes = data.subarray(end + 1);
    const count = planes.length / 4;
    const bytes = new Uint8Array(planes.length);
    for (let plane = 0; plane < 4; plane++) {
      for (let i = 0; i < count; i++) bytes[4 * i + plane] = planes[plane * count + i];
    }
    const values = new Float32Array(bytes.buffer);
    const columns = Object.values(header).reduce((total, names) => total + names.length, 0);
    const frames = count / columns;
    const found = {};
    let at = 0;
    for (const [k, names] of Object.entries(header)) {
      found[k] = {};
      for (const name of names) found[k][name] = values.subarray(at, (at += frames));
    }
    return found;
  }

  /** Promise of a clip's values by point, by column; arrays in the order of frames. */
  function of(clip) {
    if (!unpacked.has(clip)) unpacked.set(clip, unpack(clip));
    while (unpacked.size > KEPT) unpacked.delete(unpacked.keys().next().value);
    return unpacked.get(clip);
  }

  return { of, put };
})();
