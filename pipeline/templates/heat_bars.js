"use strict";
// Heat bars of one title and label (Figure 3): truth grey, foreground score red, conditional action score yellow, action
// score blue, over one time axis; below them the scores as curves with the thresholds. Everything is drawn on a dark
// track, in light and dark pages alike: yellow on white cannot be seen.
function heatBars(thresholds) {
  // scores are bytes: 255 times the square root of the score, the highest of each bin
  const TRACK = "#07090b", GRID = "#3a4148", TEXT = "#d5dae0";
  const RGB = { gt: "170,177,185", fs: "255,75,62", cs: "255,210,31", as: "77,163,255" };
  const ROW_PX = 18, GAP_PX = 3, CURVE_PX = 110, AXIS_PX = 18;
  const UNFOLDED = 6;
  const TICKS = [1, 0.5, 0.1, 0.01];

  const clock = (time) => {
    const whole = Math.floor(time);
    return [whole / 3600, (whole / 60) % 60, whole % 60].map((part) => String(Math.floor(part)).padStart(2, "0")).join(":");
  };
  // A byte is only so exact: the highest one stands for scores from 0.996 to 1, the lowest for those below 0.000004.
  const about = (level) => level >= 255 ? "over 0.99" : level ? String(Number(((level / 255) ** 2).toPrecision(2))) : "0";
  const bytes = (text) => (text === null ? null : Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
  const height = (score) => Math.sqrt(Math.min(1, Math.max(0, score)));
  // frame i is seen from start_s + i step_s on
  const timeOf = (title, frame) => title.start_s + frame * title.step_s;
  const endOf = (title) => timeOf(title, title.frames);
  function binAt(values, title, second) {
    const frame = Math.floor((second - title.start_s) / title.step_s + 1e-9);
    if (frame < 0 || frame >= title.frames) return 0;
    if (title.frames <= values.length) return values[frame];
    // part b begins at frame floor(b T / B), so frame i lies in the last part that begins at or before it
    return values[Math.min(values.length - 1, Math.ceil((frame + 1) * values.length / title.frames) - 1)];
  }
  const isLabelled = (truth) => truth.present !== null || truth.clips.length > 0;
  function stripRows(title, entry, fs) {
    const list = isLabelled(entry.truth) ? [["truth", "truth"]] : [];
    if (fs) list.push(["FS", "fs"]);
    if (entry.cs) list.push(["CS", "cs"]);
    if (entry.as) list.push(["AS", "as"]);
    list.push(["found", "found"]);
    return list;
  }
  function drawHeat(context, values, title, rgb, y, toX, width) {
    const highest = new Uint8Array(Math.ceil(width));
    values.forEach((value, b) => {
      const edge = (bin) => toX(timeOf(title, Math.floor((bin * title.frames) / values.length)));
      const from = Math.floor(edge(b));
      const to = Math.max(from + 1, Math.ceil(edge(b + 1)));
      for (let x = Math.max(0, from); x < to && x < highest.length; x++) highest[x] = Math.max(highest[x], value);
    });
    highest.forEach((value, x) => {
      context.fillStyle = `rgba(${rgb},${value / 255})`;
      context.fillRect(x, y, 1, ROW_PX);
    });
  }
  function hatch(context, x, y, width, tall) {
    context.save();
    context.beginPath();
    context.rect(x, y, width, tall);
    context.clip();
    context.strokeStyle = "#6b747e";
    context.lineWidth = 1;
    context.beginPath();
    for (let at = x - tall; at < x + width; at += 7) {
      context.moveTo(at, y + tall);
      context.lineTo(at + tall, y);
    }
    context.stroke();
    context.restore();
  }
  function drawCurve(context, values, title, rgb, top, toX, thickness) {
    context.strokeStyle = `rgb(${rgb})`;
    context.lineWidth = thickness;
    context.beginPath();
    values.forEach((value, b) => {
      const x = toX(timeOf(title, (b + 0.5) * (title.frames / values.length)));
      const y = top + CURVE_PX - 4 - (value / 255) * (CURVE_PX - 8);
      if (b) context.lineTo(x, y);
      else context.moveTo(x, y);
    });
    context.stroke();
  }
  const curveY = (score) => CURVE_PX - 4 - height(score) * (CURVE_PX - 8);
  function drawThreshold(context, y, dash, width) {
    context.save();
    context.strokeStyle = "#fff";
    context.lineWidth = 1;
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(0, y);
    context.lineTo(width, y);
    context.stroke();
    context.restore();
  }
  function limitsOf(entry) {
    const limits = thresholds[entry.label];
    if (!limits || !entry.as) return [];
    const found = [["τf", limits.tau_f, [6, 4], limits.words["τf"]]];
    if (limits.flag > 0) found.unshift(["flag", limits.flag, [2, 3], limits.words.flag]);
    return found.sort((one, other) => other[1] - one[1]);
  }
  // Words beside the curves, at the heights that they are about, and never on top of one another.
  function besideCurves(className, texts, top) {
    let last = -99;
    return texts.map(([text, score]) => {
      const made = make("span", { className, textContent: text });
      last = Math.max(last + 13, curveY(score), 8);
      made.style.top = `${top + last - 7}px`;
      return made;
    });
  }
  function drawAxis(context, title, top, axis, toX, width) {
    const steps = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200];
    const step = steps.find((value) => toX(value) - toX(0) >= 88) || 86400;
    const [from, to] = axis.span();
    context.fillStyle = context.strokeStyle = getComputedStyle(document.body).color;
    for (let time = Math.ceil(from / step) * step; time <= Math.min(to, title.length_s); time += step) {
      const x = toX(time);
      context.fillRect(x, top, 1, 4);
      context.textAlign = x < 25 ? "left" : x > width - 25 ? "right" : "center";
      context.fillText(clock(time), x, top + 15);
    }
  }
  function drawStrip(canvas, title, entry, fs, axis) {
    const list = stripRows(title, entry, fs);
    const width = canvas.parentNode.clientWidth;
    const curves = entry.as ? CURVE_PX + GAP_PX : 0;
    const tall = list.length * (ROW_PX + GAP_PX) + curves + AXIS_PX;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(tall * ratio);
    canvas.style.height = tall + "px";
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.font = "11px system-ui, 'DejaVu Sans', sans-serif";
    const toX = (time) => axis.share(time) * width;
    const values = { fs, cs: bytes(entry.cs), as: bytes(entry.as) };
    const unread = title.read_until_s !== null && title.read_until_s < title.length_s - 1 ? Math.max(0, toX(title.read_until_s)) : null;
    list.forEach(([, kind], number) => {
      const y = number * (ROW_PX + GAP_PX);
      context.fillStyle = TRACK;
      context.fillRect(0, y, width, ROW_PX);
      if (values[kind]) drawHeat(context, values[kind], title, RGB[kind], y, toX, width);
      if (kind === "truth") drawTruth(context, entry.truth, y, toX, width);
      if (kind === "found") drawFound(context, title, entry.label, y, toX, width);
      if (unread !== null && kind !== "truth") hatch(context, unread, y, width - unread, ROW_PX);
    });
    if (entry.as) {
      const top = list.length * (ROW_PX + GAP_PX);
      context.fillStyle = TRACK;
      context.fillRect(0, top, width, CURVE_PX);
      context.fillStyle = GRID;
      for (const score of TICKS) context.fillRect(0, top + curveY(score), width, 1);
      if (values.cs) drawCurve(context, values.cs, title, RGB.cs, top, toX, 1);
      if (values.fs) drawCurve(context, values.fs, title, RGB.fs, top, toX, 1);
      drawCurve(context, values.as, title, RGB.as, top, toX, 2);
      if (unread !== null) hatch(context, unread, top, width - unread, CURVE_PX);
      for (const [, score, dash] of limitsOf(entry)) drawThreshold(context, top + curveY(score), dash, width);
    }
    drawAxis(context, title, tall - AXIS_PX, axis, toX, width);
  }
  function drawTruth(context, truth, y, toX, width) {
    const until = truth.until_s === null ? width : Math.max(0, toX(truth.until_s));
    if (until < width) hatch(context, until, y, width - until, ROW_PX);
    context.fillStyle = `rgb(${RGB.gt})`;
    for (const [start, end] of truth.clips) context.fillRect(toX(start), y, Math.max(2, toX(end) - toX(start)), ROW_PX);
    if (truth.clips.length) return;
    context.fillStyle = TEXT;
    context.textAlign = "left";
    context.fillText(truth.present ? "labelled as present, not where" : "labelled as absent", 8, y + 13);
  }
  function drawFound(context, title, label, y, toX, width) {
    for (const segment of title.segments.filter((one) => one.label === label)) {
      const x = Math.max(-5, toX(segment.start_s));
      const wide = Math.max(3, Math.min(width, toX(segment.end_s)) - x);
      if (toX(segment.end_s) < 0 || x > width) continue;
      context.fillStyle = "#fff";
      if (segment.decision === "flag") context.fillRect(x, y + 3, wide, ROW_PX - 6);
      else for (let at = x; at < x + wide; at += 5) context.fillRect(at, y + 6, Math.min(3, x + wide - at), ROW_PX - 12);
    }
  }
  function describe(title, entry) {
    const found = title.segments.filter((segment) => segment.label === entry.label);
    const spans = (list) => list.map((span) => `${clock(span[0])} to ${clock(span[1])}`).join(", ");
    const parts = [["flagged", "flag"], ["near misses", "review"]].map(([name, decision]) => {
      const list = found.filter((segment) => segment.decision === decision).map((one) => [one.start_s, one.end_s]);
      return list.length ? `${name}: ${spans(list)}` : `no ${name === "flagged" ? "flagged segment" : "near miss"}`;
    });
    if (entry.truth.clips.length) parts.push("labelled: " + spans(entry.truth.clips));
    const limits = limitsOf(entry).map(([name, , , words]) => `${name === "τf" ? "action score from" : "flagged from"} ${words}`);
    return `${entry.label}. ${[...parts, ...limits].join("; ")}.`;
  }
  const lengthOf = (title) => Math.max(title.length_s, endOf(title), 1);
  // The bars of one label over a time axis, with their names and a cursor; `point` is called with the second that was pressed.
  function bars(title, entry, fs, axis, point) {
    const canvas = make("canvas", { role: "img" });
    canvas.setAttribute("aria-label", describe(title, entry));
    const cursor = make("div", { className: "cursor" });
    const names = make("div", { className: "names" });
    names.setAttribute("aria-hidden", "true");
    for (const [name] of stripRows(title, entry, fs)) {
      const span = make("span", { textContent: name });
      span.style.height = ROW_PX + GAP_PX + "px";
      names.append(span);
    }
    const top = stripRows(title, entry, fs).length * (ROW_PX + GAP_PX);
    if (entry.as) names.append(...besideCurves("tick", TICKS.map((score) => [String(score), score]), top));
    const limits = make("div", { className: "limits" }, ...besideCurves("limit", limitsOf(entry).map(([name, score, , words]) => [`${name} ${words}`, score]), top));
    limits.setAttribute("aria-hidden", "true");
    const plot = make("div", { className: "plot" }, canvas, cursor);
    const pressed = (event) => {
      const box = plot.getBoundingClientRect();
      point(Math.max(0, Math.min(axis.seconds, axis.time((event.clientX - box.left) / box.width))));
    };
    axis.wheel(plot);
    plot.addEventListener("pointerdown", pressed);
    plot.addEventListener("pointermove", (event) => event.buttons && pressed(event));
    const row = make("div", { className: "strip" }, names, plot, limits);
    return { label: entry.label, values: bytes(entry.as), cursor, plot, row, draw: () => drawStrip(canvas, title, entry, fs, axis) };
  }
  // Labels in which there is something to see come first; of many labels, the others wait folded together.
  function shelves(title) {
    const weight = (entry) => {
      const found = title.segments.filter((segment) => segment.label === entry.label);
      return (found.some((one) => one.decision === "flag") ? 4 : 0) + (entry.truth.clips.length ? 2 : 0) + (found.length ? 1 : 0);
    };
    const sorted = [...title.labels].sort((a, b) => weight(b) - weight(a));
    const folded = title.labels.length > UNFOLDED ? sorted.filter((entry) => !weight(entry)) : [];
    return [sorted.filter((entry) => !folded.includes(entry)), folded];
  }
  function foldedShelf(nodes, count, draw) {
    if (!count) return [];
    const shelf = make("details", {}, make("summary", { textContent: `${counted(count, "more label")} without anything found or labelled` }), ...nodes);
    shelf.addEventListener("toggle", draw);
    return [shelf];
  }
  function legend() {
    const words = [["gt", "truth: labelled clips"], ["fs", "FS: foreground score"], ["cs", "CS: conditional action score"],
      ["as", "AS: action score = FS × CS"], ["found", "flagged"], ["near", "near miss"], ["unread", "not read, or nobody looked"]];
    return make("ul", { className: "legend" }, ...words.map(([name, text]) =>
      make("li", {}, make("span", { className: "swatch sw-" + name }), text)),
    make("li", { textContent: "brightness and height: square root of the score" }));
  }
  return { clock, about, bytes, binAt, lengthOf, bars, shelves, foldedShelf, legend };
}
