"use strict";
// The part of a title that its bars show: all of it, or less, so that ten seconds of three hours can be seen and pressed.
// Buttons, keys, and the wheel with Ctrl change it; `changed` is called when everything is to be drawn anew.
const AXIS_KEYS = [
  { keys: ["+", "="], name: "Zoom in", symbol: "+", says: "nearer, about the position" },
  { keys: ["-"], name: "Zoom out", symbol: "−", says: "farther" },
  { keys: ["<"], name: "Earlier", symbol: "‹", says: "earlier" },
  { keys: [">"], name: "Later", symbol: "›", says: "later" },
  { keys: ["0"], name: "Whole title", symbol: "", says: "the whole title" },
];
function timeAxis(seconds, clock, changed) {
  const LEAST_S = 15, STEP = 3, PAN = 0.5, WHEEL = 1.25;
  const least = Math.min(seconds, LEAST_S);
  let from = 0, to = seconds, position = 0;

  const share = (time) => (time - from) / (to - from);
  const time = (at) => from + at * (to - from);
  const isWhole = () => to - from >= seconds;
  function show(start, length) {
    const shown = Math.max(least, Math.min(length, seconds));
    const begin = Math.max(0, Math.min(start, seconds - shown));
    if (begin === from && begin + shown === to) return;
    [from, to] = [begin, begin + shown];
    describe();
    changed();
  }
  const zoomAt = (second, factor) => {
    const length = Math.max(least, Math.min((to - from) / factor, seconds));
    show(second - share(second) * length, length);
  };
  const centre = (length) => show(position - length / 2, length);
  const pan = (by) => show(from + by * (to - from), to - from);
  const commands = [() => centre((to - from) / STEP), () => centre((to - from) * STEP), () => pan(-PAN), () => pan(PAN), () => show(0, seconds)];
  const buttons = AXIS_KEYS.map(({ keys, name, symbol }, number) => {
    const made = make("button", { type: "button", textContent: symbol || name, title: `${name} (${keys[0]})` });
    made.setAttribute("aria-label", name);
    made.addEventListener("click", commands[number]);
    return made;
  });
  const shown = make("output", {});
  const part = make("div", { className: "part" }, make("span", {}));
  part.setAttribute("aria-hidden", "true");
  const tools = make("div", { className: "axis", role: "group" }, ...buttons, shown);
  tools.setAttribute("aria-label", "Part of the title that the bars show");
  function describe() {
    shown.textContent = isWhole() ? "bars: whole title" : `bars: ${clock(from)} to ${clock(to)}`;
    // not `disabled`: a button must not lose the focus by being pressed
    const idle = [to - from <= least, isWhole(), from <= 0, to >= seconds, isWhole()];
    buttons.forEach((button, number) => button.setAttribute("aria-disabled", String(idle[number])));
    part.firstChild.style.left = `${(100 * from) / seconds}%`;
    part.firstChild.style.width = `${(100 * (to - from)) / seconds}%`;
  }
  describe();
  return {
    seconds, share, time, commands, tools, part,
    span: () => [from, to],
    // The position moved; the bars follow it out of what they show.
    follow(second) {
      position = second;
      if (second < from || second > to) centre(to - from);
    },
    place(cursor, second) {
      cursor.hidden = second < from || second > to;
      cursor.style.left = `${100 * share(second)}%`;
    },
    // The wheel zooms with Ctrl or Meta (a pinch on a touchpad is that, too) and moves sideways; else it scrolls the page.
    wheel(plot) {
      plot.addEventListener("wheel", (event) => {
        const box = plot.getBoundingClientRect();
        const sideways = event.deltaX || (event.shiftKey ? event.deltaY : 0);
        if (event.ctrlKey || event.metaKey) zoomAt(time((event.clientX - box.left) / box.width), event.deltaY < 0 ? WHEEL : 1 / WHEEL);
        else if (!isWhole() && Math.abs(sideways) >= Math.abs(event.shiftKey ? 0 : event.deltaY)) pan(sideways / box.width);
        else return;
        event.preventDefault();
      }, { passive: false });
    },
    // For a page without keys of its own: they mean this while `node` has the focus.
    listen(node) {
      node.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.altKey || event.metaKey) return;
        const number = AXIS_KEYS.findIndex(({ keys }) => keys.includes(event.key));
        if (number < 0) return;
        event.preventDefault();
        commands[number]();
      });
    },
  };
}
