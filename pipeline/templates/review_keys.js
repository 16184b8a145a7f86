// Keys for everything, and the overlay that lists them by group. A key does nothing while somebody types, with Ctrl, Alt or Meta
// held, or when single keys are switched off (people who speak to their computer need that).
function reviewKeys(groups, helpDialog) {
  const commands = Object.values(groups).flat();
  let enabled = true;
  const byKey = new Map(commands.flatMap((command) => command.keys.map((key) => [key, command])));
  const typing = (node) => node && (node.matches("textarea, select, input:not([type=range], [type=checkbox])") || node.isContentEditable);
  const names = { " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };
  const shownKey = (key) => key.replace("Shift+", "Shift ").replace(/ $|Arrow\w+/, (one) => names[one]);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const focused = document.activeElement;
    if (event.key === "Escape" && typing(focused)) {
      focused.blur();
      document.getElementById("main").focus({ preventScroll: true });
      return;
    }
    if (helpDialog.open || typing(focused)) return;
    if ((event.key === " " || event.key === "Enter") && focused && focused.matches("button, a, summary, input[type=checkbox]")) return;
    const key = event.shiftKey && event.key.startsWith("Arrow") ? "Shift+" + event.key : event.key;
    const command = byKey.get(key);
    if (!command || (!enabled && key !== "?")) return;
    event.preventDefault();
    if (event.repeat && !command.repeats) return;
    command.run(key);
  });

  // Keys that count up are listed as a range: 1 to 9.
  const listed = (keys) => (keys.length > 2 ? [keys[0], " to ", keys[keys.length - 1]] : keys.flatMap((key, n) => (n ? [" or ", key] : [key])));
  const row = (command) => make("tr", {}, make("th", { scope: "row" }, ...listed(command.keys).map((part) => (command.keys.includes(part) ? make("kbd", { textContent: shownKey(part) }) : part))),
    make("td", { textContent: command.says }));
  const tables = Object.entries(groups).map(([name, list]) => make("table", {}, make("caption", { textContent: name }), make("tbody", {}, ...list.map(row))));
  const off = make("input", { type: "checkbox", checked: true });
  off.addEventListener("change", () => { enabled = off.checked; });
  const close = make("button", { type: "button", autofocus: true }, "Close ", make("kbd", { textContent: "Esc" }));
  close.addEventListener("click", () => helpDialog.close());
  const scroll = make("div", { className: "scroll", tabIndex: 0, role: "region" }, ...tables);
  scroll.setAttribute("aria-label", "Keys");
  helpDialog.append(make("div", { className: "head" }, make("h2", { id: "help-h", textContent: "Keys" }), close), scroll,
    make("p", {}, make("label", {}, off, " single keys are on (switch them off if you control the computer by voice)")));
}
