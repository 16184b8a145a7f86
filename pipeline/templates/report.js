"use strict";
// The page of one run. Titles wait as JSON text until one is opened; everything that comes from a run is set as text,
// never as markup.
(() => {
  const run = JSON.parse(document.getElementById("run-data").textContent);
  const index = document.getElementById("index");
  const detail = document.getElementById("detail");
  const tableBody = document.querySelector("#title-table tbody");
  const rows = [...tableBody.rows];
  const numberOf = new Map(rows.map((row) => [row.cells[0].dataset.id, Number(row.dataset.n)]));
  const pageTitle = document.title;
  const READ_OUT = 4;
  const { clock, about, bytes, binAt, lengthOf, bars, shelves, foldedShelf, legend } = heatBars(run.thresholds);

  const NOTHING = {
    clear: "Nothing was found.",
    partial: "Nothing was found in the part that was read; the rest is unknown.",
    quarantined: "Nothing is known: the title could not be read.",
  };
  const titleData = (number) => JSON.parse(document.getElementById("title-" + number).textContent);
  const badge = (status) => {
    const symbol = make("span", { textContent: run.symbols[status] });
    symbol.setAttribute("aria-hidden", "true");
    return make("span", { className: "badge " + status }, symbol, " " + status);
  };

  // Pictures: blurred and grey until they are pressed.
  function still(pictures, second, label) {
    const text = pictures && pictures[second];
    if (!text) return make("p", { className: "none", textContent: run.pictures ? "no picture" : "made without pictures" });
    const hint = make("span", { className: "hint", textContent: "show" });
    const button = make("button", { type: "button", className: "still" },
      make("img", { src: "data:image/jpeg;base64," + text, alt: "" }), hint);
    button.setAttribute("aria-label", `Show the picture at ${clock(second)}, ${label}`);
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => reveal(button, button.getAttribute("aria-pressed") !== "true"));
    return button;
  }
  function reveal(button, shown) {
    button.setAttribute("aria-pressed", String(shown));
    button.lastChild.textContent = shown ? "hide" : "show";
  }

  // One title.
  function showTitle(number, time) {
    const title = titleData(number);
    const fs = bytes(title.fs);
    const strips = [];
    const last = Math.max(0, Math.ceil(title.frames ? title.start_s + title.frames * title.step_s : title.length_s) - 1);
    const range = make("input", { type: "range", id: "position", min: "0", max: String(last), step: "1", value: "0" });
    const readout = make("output", { className: "readout" });
    readout.setAttribute("for", "position");
    const seek = (second) => {
      range.value = String(second);
      move();
    };
    const placeCursors = () => strips.forEach((strip) => axis.place(strip.cursor, Number(range.value) + 0.5));
    const axis = timeAxis(lengthOf(title), clock, () => {
      redraw();
      placeCursors();
    });
    axis.listen(range);
    function move() {
      const second = Number(range.value);
      axis.follow(second + 0.5);
      placeCursors();
      const parts = [clock(second)];
      if (fs) parts.push("FS " + about(binAt(fs, title, second)));
      const scored = [];
      for (const strip of strips) {
        if (strip.values) scored.push([binAt(strip.values, title, second), strip.label]);
      }
      scored.sort((one, other) => other[0] - one[0]);
      parts.push(...scored.slice(0, READ_OUT).map(([level, label]) => `${label} ${about(level)}`));
      readout.textContent = parts.join("  ·  ");
      range.setAttribute("aria-valuetext", parts.join(", "));
    }
    const heading = make("h1", { tabIndex: -1, textContent: title.name });
    const nodes = [toolbar(number), heading, facts(title)];
    if (title.why) nodes.push(make("p", { className: "note", textContent: title.why }));
    if (title.picture_error) nodes.push(make("p", { className: "quiet", textContent: "Pictures: " + title.picture_error }));
    const anyScores = title.labels.some((entry) => entry.as);
    if (!anyScores) nodes.push(make("p", { className: "note", textContent: "There are no scores of this title." }));
    nodes.push(legend());
    nodes.push(make("div", { className: "scrub" },
      make("div", { className: "strip" }, make("label", { htmlFor: "position", textContent: "time" }), make("div", {}, range, axis.part)), axis.tools, readout));
    const strip = (entry) => {
      const made = bars(title, entry, fs, axis, (second) => seek(Math.max(0, Math.min(last, Math.floor(second)))));
      const score = entry.said ? ` (${entry.said})` : "";
      strips.push(made);
      return [make("h2", { textContent: entry.label + score }), made.row];
    };
    const [shown, folded] = shelves(title);
    redraw = () => strips.filter((one) => one.plot.clientWidth).forEach((one) => one.draw());
    nodes.push(...shown.flatMap(strip), ...foldedShelf(folded.flatMap(strip), folded.length, () => redraw()));
    nodes.push(...segmentCards(title, seek));
    detail.replaceChildren(...nodes);
    range.addEventListener("input", move);
    index.hidden = true;
    detail.hidden = false;
    document.title = `${title.name}: ${pageTitle}`;
    redraw();
    seek(Math.min(last, time));
    window.scrollTo(0, 0);
    heading.focus({ preventScroll: true });
  }
  function toolbar(number) {
    const visible = rows.length ? [...tableBody.rows].filter((row) => !row.hidden) : [];
    const place = visible.findIndex((row) => Number(row.dataset.n) === number);
    const link = (row, text) => row && make("a", { href: row.cells[0].querySelector("a").getAttribute("href"), textContent: `${text}: ${row.cells[0].dataset.v}` });
    const links = [make("a", { href: "#titles", textContent: "All titles" }),
      link(place > 0 ? visible[place - 1] : null, "previous"), link(place < 0 ? null : visible[place + 1], "next")];
    return make("div", { className: "bar" }, ...links.filter(Boolean));
  }
  function facts(title) {
    const item = (name, ...value) => make("div", {}, make("dt", { textContent: name }), make("dd", {}, ...value));
    const read = title.coverage === null ? "-" : `${Math.floor(1000 * title.coverage) / 10} % (${clock(title.decoded_s)} of ${clock(title.length_s - title.start_s)})`;
    return make("dl", { className: "facts" }, item("status", badge(title.status)), item("read", read),
      item("flagged", `${Math.round(title.flagged_s)} s`),
      item("segments", `${title.segments.filter((one) => one.decision === "flag").length} flagged, ${counted(title.segments.filter((one) => one.decision === "review").length, "near miss", "near misses")}`));
  }
  // Why a segment is there, in the words of `explain`: each score with the threshold that it passed or missed.
  function evidence(segment) {
    const row = ([name, value, verdict]) => make("tr", {}, make("th", { scope: "row", textContent: name }),
      make("td", { className: "n", textContent: value }), make("td", { textContent: verdict }));
    const table = make("table", { className: "evidence" }, make("tbody", {}, ...segment.why.map(row)));
    return segment.drawn ? [table, make("p", { className: "quiet", textContent: segment.drawn })] : [table];
  }
  function segmentCards(title, seek) {
    if (!title.segments.length) return [make("h2", { textContent: "Segments" }), make("p", { textContent: NOTHING[title.status] })];
    const all = make("button", { type: "button", textContent: "Show all pictures" });
    all.setAttribute("aria-pressed", "false");
    const cards = title.segments.map((segment) => {
      const go = make("button", { type: "button", className: "go", textContent: `Go to ${clock(segment.peak_s)}` });
      go.addEventListener("click", () => seek(segment.peak_s));
      const near = segment.decision !== "flag";
      const words = make("div", { className: "words" },
        make("p", {}, make("strong", { textContent: segment.label }), " ", make("span", { className: "badge " + (near ? "review" : "flagged"), textContent: near ? "near miss" : "flagged" }),
          make("br"), `${segment.span}, ${segment.length}`),
        ...evidence(segment), go);
      return make("li", { className: "card" }, ...(run.pictures ? [still(title.pictures, segment.peak_s, segment.label)] : []), words);
    });
    all.addEventListener("click", () => {
      const shown = all.getAttribute("aria-pressed") !== "true";
      all.setAttribute("aria-pressed", String(shown));
      detail.querySelectorAll(".still").forEach((button) => reveal(button, shown));
    });
    const nodes = [make("h2", { textContent: "Segments" })];
    if (!run.pictures) nodes.push(make("p", { className: "quiet", textContent: "This report was made without pictures (--no-thumbnails)." }));
    if (title.pictures && Object.keys(title.pictures).length) nodes.push(make("div", { className: "bar" }, all));
    return [...nodes, make("ul", { className: "cards" }, ...cards)];
  }

  // The index: filter, sort, galleries.
  function filter() {
    const id = document.getElementById("filter-id").value.trim().toLowerCase();
    const status = document.getElementById("filter-status").value;
    const label = document.getElementById("filter-label").value;
    let count = 0;
    for (const row of rows) {
      const fits = (row.cells[0].dataset.v + " " + row.cells[0].dataset.id).toLowerCase().includes(id) && (!status || row.dataset.status === status) && (!label || row.dataset.labels.split(";").includes(label));
      row.hidden = !fits;
      count += fits;
    }
    document.getElementById("no-title").hidden = count > 0;
    document.getElementById("filter-count").textContent = `${count} of ${counted(rows.length, "title")}`;
  }
  function sortBy(header) {
    const column = header.cellIndex;
    const numeric = column > 2;
    const was = header.getAttribute("aria-sort");
    const downwards = was ? was === "ascending" : numeric;
    header.parentNode.querySelectorAll("th").forEach((one) => one.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", downwards ? "descending" : "ascending");
    const key = (row) => (numeric ? Number(row.cells[column].dataset.v) : row.cells[column].dataset.v);
    const keyed = rows.map((row) => [key(row), Number(row.dataset.n), row]);
    keyed.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0) * (downwards ? -1 : 1) || a[1] - b[1]);
    tableBody.append(...keyed.map((entry) => entry[2]));
  }
  function fillGallery(gallery) {
    for (const slot of gallery.querySelectorAll(".still-slot:empty")) {
      const number = numberOf.get(slot.dataset.id);
      slot.append(still(number === undefined ? null : titleData(number).pictures, Number(slot.dataset.second), slot.dataset.label));
    }
  }

  let redraw = () => {};
  let shown = false;
  function route() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    const number = numberOf.get(wanted.get("title"));
    if (number !== undefined) {
      shown = true;
      showTitle(number, Number(wanted.get("t")) || 0);
      return;
    }
    if (!shown) return;
    shown = false;
    detail.hidden = true;
    detail.replaceChildren();
    index.hidden = false;
    document.title = pageTitle;
    redraw = () => {};
    sideways();
    const target = document.getElementById(location.hash.slice(1)) || document.getElementById("main");
    target.scrollIntoView();
  }
  document.getElementById("filters").addEventListener("input", filter);
  document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
  document.querySelectorAll("#title-table thead button").forEach((button) => button.addEventListener("click", () => sortBy(button.parentNode)));
  document.querySelectorAll(".tile a").forEach((link) => link.addEventListener("click", () => {
    document.getElementById("filter-status").value = link.dataset.status;
    filter();
  }));
  document.querySelectorAll(".gallery").forEach((gallery) => gallery.addEventListener("toggle", () => fillGallery(gallery)));
  window.addEventListener("hashchange", route);
  const sideways = () => {
    const region = document.getElementById("title-table").parentNode;
    document.getElementById("sideways").hidden = region.scrollWidth <= region.clientWidth + 1;
  };
  window.addEventListener("resize", () => {
    redraw();
    sideways();
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw());
  route();
  sideways();
})();
