"use strict";
// The review page: a queue of titles, and one title at a time with its player, bars, segments and everything that may be
// done to them. The server decides what an action does; the page sends it, and draws the title that comes back.
(() => {
  const run = JSON.parse(document.getElementById("run-data").textContent);
  const { clock, bytes, lengthOf, bars, shelves, foldedShelf, legend } = heatBars(run.thresholds);
  const byId = (id) => document.getElementById(id);
  const [queue, desk, said, alertBox, help] = ["queue", "desk", "said", "alert", "help"].map(byId);
  const VERDICTS = { open: ["○", "to decide"], accepted: ["✓", "accepted"], rejected: ["✕", "rejected"], unsure: ["?", "unsure"] };
  const NOTHING = {
    partial: "Nothing was found in the part that was read; the rest is unknown.",
    quarantined: "Nothing is known of this title: it could not be read.",
  };
  const pageTitle = document.title;
  const wanted = () => new URLSearchParams(location.hash.slice(1)).get("title");
  // to a tenth of a second, or to the millisecond where that is not all of it
  const exact = (time) => {
    const thousandths = Math.round(time * 1000);
    const rest = String(thousandths % 1000).padStart(3, "0");
    return `${clock(Math.floor(thousandths / 1000))}.${rest.endsWith("00") ? rest[0] : rest}`;
  };
  let state = null, chosen = null, markedIn = null, strips = [], axis = null, busy = Promise.resolve(), order = [], nameOf = new Map(), parts = {}, verdicts = [], corrections = [];

  const player = reviewPlayer(clock, showTime);
  function say(text) {
    said.textContent = text;
    clearTimeout(say.timer);
    say.timer = setTimeout(() => { said.textContent = ""; }, 6000);
  }
  function complain(text) {
    alertBox.textContent = text;
    alertBox.hidden = !text;
  }
  async function ask(path, body) {
    const options = body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    let response;
    try {
      response = await fetch(path, options);
    } catch (error) {
      throw new Error((body === undefined ? "" : "Not recorded: ") + "the server does not answer; is `coarse2fine review` still running?");
    }
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    return answer;
  }
  function remember(rows) {
    order = rows.map((row) => row.title_id);
    nameOf = new Map(rows.map((row) => [row.title_id, row.name]));
  }
  const titlePath = (id) => "/api/titles/" + encodeURIComponent(id);

  // Actions go one after the other, in the order of the keys.
  function act(request, words) {
    if (!state) return;
    const id = state.title.id;
    busy = busy.then(async () => {
      try {
        const answer = await ask(titlePath(id) + "/actions", request);
        complain("");
        if (!state || state.title.id !== id) return;
        state = answer;
        chosen = answer.touched || chosen;
        drawSegments();
        say(words || request.action);
      } catch (error) {
        complain(error.message);
        say(error.message);
      }
    });
  }
  const segment = () => (state ? state.segments.find((one) => one.id === chosen) : undefined);
  function onSegment(action, words, more = () => ({})) {
    const one = segment();
    if (!one) return say("No segment is chosen.");
    const values = more(one);
    if (values) act({ action, segment: one.id, ...values }, `${words}: ${one.label} ${exact(one.start_s)} to ${exact(one.end_s)}`);
  }
  const now = () => Math.round(player.time() * 1000) / 1000;

  // The queue.
  async function showQueue() {
    player.stop();
    say("");
    state = null;
    desk.hidden = true;
    desk.replaceChildren();
    queue.hidden = false;
    document.title = pageTitle;
    try {
      const answer = await ask("/api/queue");
      remember(answer.titles);
      byId("queue-table").tBodies[0].replaceChildren(...answer.titles.map(queueRow));
      const complete = answer.titles.filter((row) => row.complete).length;
      const waiting = answer.titles.reduce((sum, row) => sum + row.waiting, 0);
      byId("progress").textContent = `${complete} of ${counted(order.length, "title")} fully reviewed; ${counted(waiting, "segment")} to decide.`;
      const decided = answer.titles.reduce((sum, row) => sum + row.decided, 0);
      byId("progress-bar").setAttribute("width", String((100 * decided) / Math.max(1, decided + waiting)));
      complain(answer.problems.join("; "));
    } catch (error) {
      complain(error.message);
    }
  }
  function queueRow(row) {
    const link = make("a", { href: "#title=" + encodeURIComponent(row.title_id), textContent: row.name });
    const done = row.complete ? "✓ fully reviewed" : row.decided ? "begun" : "";
    const number = (text) => make("td", { className: "n", textContent: text });
    const meter = make("meter", { min: 0, max: 1, value: row.uncertainty });
    meter.setAttribute("aria-label", `uncertainty ${row.uncertainty.toFixed(2)}`);
    return make("tr", {}, make("th", { scope: "row" }, link), make("td", {}, badge(row.status)), make("td", { className: "flagged-for", textContent: row.found.join(", ") }),
      number(row.length_s ? clock(row.length_s) : "-"), number(row.waiting || ""), number(row.decided || ""),
      make("td", {}, meter, ` ${row.uncertainty.toFixed(2)}`), make("td", { textContent: done }));
  }
  function badge(status) {
    const symbol = make("span", { textContent: run.symbols[status] });
    symbol.setAttribute("aria-hidden", "true");
    return make("span", { className: "badge " + status }, symbol, " " + status);
  }

  // One title.
  async function showTitle(id) {
    complain("");
    say("");
    let answer;
    try {
      answer = await ask(titlePath(id));
      if (!order.length) remember((await ask("/api/queue")).titles);
    } catch (error) {
      state = null;
      complain(error.message);
      return;
    }
    if (wanted() !== id) return; // somebody went on before the answer came
    state = answer;
    const title = state.title;
    const first = state.segments.find((one) => one.verdict === "open") || state.segments[0];
    chosen = first ? first.id : null;
    markedIn = null;
    queue.hidden = true;
    desk.hidden = false;
    document.title = `${title.name}: ${pageTitle}`;
    buildDesk(title);
    drawSegments();
    const start_s = first ? first.start_s : 0;
    const around = first ? 20 : state.length_s || title.length_s;
    await player.load(title.id, state.length_s || title.length_s, state.video, Math.max(0, start_s - (first ? 10 : 0)), start_s + around);
    player.seek(start_s);
    window.scrollTo(0, 0);
    desk.querySelector("h1").focus({ preventScroll: true });
  }
  function button(text, key, run_, pressed) {
    const made = make("button", { type: "button" }, text + " ", make("kbd", { textContent: key }));
    if (pressed !== undefined) made.setAttribute("aria-pressed", String(pressed));
    made.addEventListener("click", run_);
    return made;
  }
  function buildDesk(title) {
    const fs = bytes(title.fs);
    strips = [];
    axis = timeAxis(lengthOf(title), clock, () => {
      drawStrips();
      placeBlocks();
      placeCursors(player.time());
    });
    const range = make("input", { type: "range", id: "position", min: "0", max: String(Math.max(axis.seconds, state.length_s || 0)), step: "0.1", value: "0" });
    range.addEventListener("input", () => player.seek(Number(range.value)));
    const readout = make("output", { className: "readout now" });
    readout.setAttribute("for", "position");
    const veils = { blur: button("Blur", "b", () => toggle("blur"), true), grey: button("Grey", "g", () => toggle("grey"), true), muted: button("Mute", "v", () => toggle("muted"), true) };
    const list = make("ol", { className: "found" });
    list.setAttribute("aria-label", "Segments");
    const start = edge("start_s"), end = edge("end_s");
    const labels = make("select", {}, ...run.labels.map((label, n) => make("option", { value: label, textContent: `${n + 1} ${label}` })));
    labels.addEventListener("change", () => setLabel(labels.value));
    const note = noteField(() => segment() && segment().id);
    const titleNote = noteField(() => null);
    const complete = button("", "c", declare);
    const undo = button("Undo", "z", undoLast);
    parts = { range, readout, veils, list, start, end, labels, note, titleNote, complete, undo };
    const tools = (...nodes) => make("div", { className: "tools" }, ...nodes);
    const watch = make("div", { className: "watch" }, player.stage,
      tools(button("Play", "p", play), veils.blur, veils.grey, veils.muted, button("Pictures", "w", pictures)),
      make("div", { className: "scrub" }, make("label", { htmlFor: "position", textContent: "time" }), range, readout));
    verdicts = [button("Accept", "a", accept), button("Reject", "r", reject), button("Unsure", "u", unsure), button("First occurrence", "f", firstOne)];
    corrections = [button("Start here", "[", startHere), button("End here", "]", endHere), button("Split here", "s", split), button("Merge with next", "m", merge)];
    const judge = make("div", { className: "judge" }, make("h2", { textContent: "Segments" }), list, tools(...verdicts));
    const correct = make("fieldset", { className: "correct" }, make("legend", { textContent: "Correct the chosen segment" }),
      make("div", { className: "edges" }, make("label", {}, "from ", start), make("label", {}, "to ", end), make("label", {}, "label ", labels)),
      tools(...corrections), make("label", {}, "note ", note));
    const whole = make("fieldset", { className: "whole" }, make("legend", { textContent: "The title" }),
      tools(button("Begin a new segment", "i", markIn), button("End it here", "o", markOut), undo, complete),
      make("label", {}, "note on the title ", titleNote));
    const nodes = [neighbours(title.id), make("h1", { tabIndex: -1, textContent: title.name }), make("p", { id: "summary" })];
    if (title.why) nodes.push(make("p", { className: "note", textContent: title.why }));
    nodes.push(make("div", { className: "desk" }, watch, judge, correct, whole), legend(), axis.tools, make("div", { className: "strip" }, make("div"), axis.part));
    const shelf = (entry) => {
      const strip = bars(title, entry, fs, axis, (second) => player.seek(second));
      const track = make("div", { className: "track plot" });
      const name = make("div", { className: "names" }, make("span", { textContent: "you" }));
      const row = make("div", { className: "strip yours" }, name, track);
      row.setAttribute("aria-hidden", "true");
      axis.wheel(track);
      strips.push({ ...strip, track });
      return [make("h2", { textContent: entry.label }), row, strip.row];
    };
    const [shown, folded] = shelves(title);
    nodes.push(...shown.flatMap(shelf), ...foldedShelf(folded.flatMap(shelf), folded.length, drawStrips));
    desk.replaceChildren(...nodes);
    drawStrips();
  }
  const drawStrips = () => strips.filter((strip) => strip.plot.clientWidth).forEach((strip) => strip.draw());
  function neighbours(id) {
    const place = order.indexOf(id);
    const link = (other, words) => other && make("a", { href: "#title=" + encodeURIComponent(other), textContent: `${words}: ${nameOf.get(other)}` });
    return make("div", { className: "bar" }, make("a", { href: "#queue", textContent: "All titles" }),
      ...[link(order[place - 1], "previous"), link(order[place + 1], "next")].filter(Boolean));
  }
  function edge(name) {
    const input = make("input", { type: "text", inputMode: "decimal", placeholder: "hh:mm:ss.s", autocomplete: "off", spellcheck: false });
    input.addEventListener("change", () => {
      const second = seconds(input.value);
      if (second === null) {
        say(`“${input.value}” is no time; write 754.5 or 00:12:34.5`);
        return drawSegments();
      }
      onSegment("adjust", "adjusted", () => ({ [name]: second }));
    });
    return input;
  }
  // Seconds, or minutes and hours before them, apart by colons; null for anything else.
  function seconds(text) {
    if (!/^(\d+:){0,2}\d+([.,]\d*)?$/.test(text.trim())) return null;
    return text.trim().replace(",", ".").split(":").reduce((sum, part) => 60 * sum + Number(part), 0);
  }
  function noteField(target) {
    const field = make("textarea", { rows: 1, maxLength: 2000 });
    let of_ = null;
    field.addEventListener("focus", () => { of_ = target(); });
    field.addEventListener("change", () => act({ action: "note", segment: of_, text: field.value }, "note kept"));
    return field;
  }
  function drawSegments() {
    const focusedId = document.activeElement && document.activeElement.dataset.segment;
    const none = make("li", { className: "quiet", textContent: `${NOTHING[state.title.status] || "Nothing was found in this title."} Press i where something begins, o where it ends.` });
    parts.list.replaceChildren(...(state.segments.length ? state.segments.map(segmentItem) : [none]));
    const again = [...parts.list.querySelectorAll("button")].find((node) => node.dataset.segment === focusedId);
    if (again) again.focus();
    const one = segment();
    for (const [field, value] of [["start", one && exact(one.start_s)], ["end", one && exact(one.end_s)], ["note", one && one.note]]) {
      parts[field].disabled = !one;
      if (document.activeElement !== parts[field] || field !== "note") parts[field].value = one ? value : "";
    }
    if (one) parts.labels.value = one.label;
    for (const button_ of [...verdicts, ...corrections]) button_.disabled = !one;
    if (document.activeElement !== parts.titleNote) parts.titleNote.value = state.note;
    parts.complete.firstChild.textContent = state.complete ? "Reopen " : "I watched all of it ";
    parts.undo.disabled = !state.undo;
    byId("summary").replaceChildren(badge(state.title.status), `  ${state.waiting} to decide` + (state.complete ? "; fully reviewed" : ""));
    for (const strip of strips) {
      strip.track.replaceChildren(...state.segments.filter((item) => item.label === strip.label).map((item) => {
        const block = make("span", { className: item.verdict + (item.id === chosen ? " chosen" : "") });
        Object.assign(block.dataset, { start: item.start_s, end: item.end_s });
        block.addEventListener("click", () => choose(item.id));
        return block;
      }));
    }
    placeBlocks();
    const current = parts.list.querySelector("[aria-current=true]");
    if (current) parts.list.scrollTop = current.offsetTop - parts.list.offsetTop - 40;
  }
  function placeBlocks() {
    for (const block of strips.flatMap((strip) => [...strip.track.children])) {
      const [left, right] = [block.dataset.start, block.dataset.end].map((second) => 100 * axis.share(Number(second)));
      block.style.left = `${left}%`;
      block.style.width = `${right - left}%`;
    }
  }
  function segmentItem(item) {
    const [symbol, word] = VERDICTS[item.verdict];
    const found = item.evidence;
    const evidence = found ? `${found.decision === "flag" ? "flagged" : "near miss"}, score ${found.shown}` : "added or corrected by you";
    const mark = make("span", { textContent: symbol });
    mark.setAttribute("aria-hidden", "true");
    const made = make("button", { type: "button" }, make("span", { className: "verdict is-" + item.verdict }, mark, " " + word), `${item.label} ${exact(item.start_s)} to ${exact(item.end_s)}`,
      make("small", { textContent: [item.first ? "first occurrence" : "", evidence, item.note].filter(Boolean).join("; ") }));
    made.dataset.segment = item.id;
    made.setAttribute("aria-current", String(item.id === chosen));
    made.addEventListener("click", () => choose(item.id));
    return make("li", {}, made);
  }
  function choose(id) {
    chosen = id;
    const one = segment();
    drawSegments();
    if (one) player.seek(one.start_s);
  }
  const placeCursors = (second) => strips.forEach((strip) => axis.place(strip.cursor, Math.min(second, axis.seconds)));
  function showTime(second) {
    if (!state || !parts.range) return;
    parts.range.value = String(second);
    const shown = exact(Math.floor(10 * second + 1e-6) / 10);
    parts.range.setAttribute("aria-valuetext", shown);
    parts.readout.textContent = shown + (markedIn === null ? "" : `, new segment from ${exact(markedIn)}`);
    axis.follow(Math.min(second, axis.seconds));
    placeCursors(second);
  }

  // What can be done. The same functions stand behind buttons and keys.
  const accept = () => onSegment("accept", "accepted");
  const reject = () => onSegment("reject", "rejected");
  const unsure = () => onSegment("unsure", "unsure");
  const firstOne = () => onSegment("first", "first occurrence");
  const startHere = () => onSegment("adjust", "start moved", () => ({ start_s: now() }));
  const endHere = () => onSegment("adjust", "end moved", () => ({ end_s: now() }));
  const split = () => onSegment("split", "split", () => ({ at_s: now() }));
  const merge = () => onSegment("merge", "merged", (one) => {
    const next = state.segments.filter((other) => other.label === one.label && other.start_s >= one.start_s && other.id !== one.id)[0];
    if (next) return { other: next.id };
    say("There is no later segment of this label.");
    return null;
  });
  function setLabel(label) {
    if (segment()) return onSegment("label", "label " + label, () => ({ label }));
    parts.labels.value = label;
    say(`new segments are ${label}`);
  }
  const relabel = (key) => run.labels[key - 1] && setLabel(run.labels[key - 1]);
  function markIn() {
    markedIn = now();
    showTime(markedIn);
    say(`new segment from ${exact(markedIn)}`);
  }
  function markOut() {
    if (markedIn === null) return say("Begin a new segment first (i).");
    const request = { action: "add", label: parts.labels.value || run.labels[0], start_s: markedIn, end_s: now() };
    markedIn = null;
    act(request, `added ${request.label} ${exact(request.start_s)} to ${exact(request.end_s)}`);
  }
  const undoLast = () => act({ action: "undo" }, state && state.undo ? `took back: ${state.undo}` : "undo");
  const declare = () => act({ action: state.complete ? "reopen" : "complete" }, state.complete ? "reopened" : "fully reviewed");
  const play = async () => say(await player.play());
  const pictures = async () => {
    const one = segment();
    const answer = await player.showPictures(one ? Math.max(0, one.start_s - 5) : 0, one ? one.end_s + 5 : state.title.length_s);
    if (answer) say(answer);
  };
  function toggle(name) {
    const on = player.toggle(name);
    parts.veils[name].setAttribute("aria-pressed", String(on));
    say({ blur: on ? "blurred" : "not blurred", grey: on ? "grey" : "in colour", muted: on ? "muted" : "with sound" }[name]);
  }
  function step(by) {
    const place = state.segments.findIndex((one) => one.id === chosen);
    const next = state.segments[Math.max(0, Math.min(state.segments.length - 1, place + by))];
    if (!next) return say("There are no segments.");
    choose(next.id);
    say(`${next.label} ${exact(next.start_s)} to ${exact(next.end_s)}, ${VERDICTS[next.verdict][1]}`);
  }
  function nextOpen() {
    const place = state.segments.findIndex((one) => one.id === chosen);
    const next = [...state.segments.slice(place + 1), ...state.segments.slice(0, place + 1)].find((one) => one.verdict === "open");
    if (!next) return say("Everything in this title is decided. c: I watched all of it; N: next title.");
    choose(next.id);
    say(`${next.label} ${exact(next.start_s)} to ${exact(next.end_s)}`);
  }
  function nextTitle() {
    const next = order[order.indexOf(state.title.id) + 1];
    if (next) location.hash = "#title=" + encodeURIComponent(next);
    else location.hash = "#queue";
  }
  const typeNote = () => {
    const field = segment() ? parts.note : parts.titleNote;
    field.focus();
  };
  const openHelp = () => help.showModal();
  const jump = (by) => () => player.seek(player.time() + by);
  const inTitle = (keys, says, command, repeats) => ({ keys, says, repeats, run: (key) => state && command(key) });
  reviewKeys({
    "Watch": [
      inTitle(["p", " "], "play or pause", play),
      inTitle(["ArrowLeft"], "one second back", jump(-1), true), inTitle(["ArrowRight"], "one second on", jump(1), true),
      inTitle(["Shift+ArrowLeft"], "ten seconds back", jump(-10), true), inTitle(["Shift+ArrowRight"], "ten seconds on", jump(10), true),
      inTitle([","], "a tenth of a second back", jump(-0.1), true), inTitle(["."], "a tenth of a second on", jump(0.1), true),
      inTitle(["b"], "blur on or off", () => toggle("blur")), inTitle(["g"], "grey on or off", () => toggle("grey")), inTitle(["v"], "sound on or off", () => toggle("muted")),
      inTitle(["w"], "pictures around the segment", pictures),
    ],
    "Go": [
      inTitle(["ArrowUp", "k"], "previous segment", () => step(-1)), inTitle(["ArrowDown", "j"], "next segment", () => step(1)),
      inTitle(["n"], "next segment to decide", nextOpen), inTitle(["N"], "next title", nextTitle),
      { keys: ["q"], says: "all titles", run: () => { location.hash = "#queue"; } }, { keys: ["?"], says: "this list", run: openHelp },
    ],
    "Bars": AXIS_KEYS.map(({ keys, says }, number) => inTitle(keys, says, () => axis.commands[number](), true)),
    "Decide": [
      inTitle(["a"], "accept", accept), inTitle(["r"], "reject", reject), inTitle(["u"], "unsure", unsure),
      inTitle(["f"], "first occurrence: nothing of this label comes before (again: not so)", firstOne),
      inTitle(["c"], "I watched all of it (again: reopen)", declare), inTitle(["z"], "undo the last action on this title", undoLast),
    ],
    "Correct": [
      inTitle(["["], "start of the segment here", startHere), inTitle(["]"], "end of the segment here", endHere),
      inTitle(["s"], "split here", split), inTitle(["m"], "merge with the next one of its label", merge),
      inTitle(["i"], "begin a new segment here", markIn), inTitle(["o"], "end the new segment here", markOut),
      inTitle(run.labels.slice(0, 9).map((_, n) => String(n + 1)), "label: " + run.labels.slice(0, 9).join(", "), relabel),
      inTitle(["t"], "write a note (Escape leaves it)", typeNote),
    ],
  }, help);
  byId("help-button").addEventListener("click", openHelp);

  function route() {
    if (wanted()) return showTitle(wanted());
    const wasOpen = !desk.hidden;
    showQueue();
    if (wasOpen) byId("queue-h").focus();
  }
  window.addEventListener("hashchange", route);
  window.addEventListener("resize", drawStrips);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawStrips);
  window.addEventListener("beforeunload", () => player.stop());
  route();
})();
