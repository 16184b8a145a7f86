"use strict";
const counted = (count, noun, many = noun + "s") => `${count} ${count === 1 ? noun : many}`;
// Makes elements. Everything that comes from a run is set as text or as a property, never as markup.
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}
