// Elements made from data. Data becomes text and attributes, never markup.

/** An element: attributes that are null or false are left out, children that are null as well. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(key, value === true ? "" : String(value));
    }
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined) {
      element.append(child instanceof Node ? child : String(child));
    }
  }
  return element;
}

/** Gives an element these children, and changes only what differs: focus, selections and what is unfolded stay. */
export function show(parent, children) {
  const byKey = new Map([...parent.children].map((child) => [key(child), child]));
  let next = parent.firstChild;
  for (const child of children.flat().filter((child) => child !== null)) {
    const node = child instanceof Node ? child : document.createTextNode(String(child));
    const there = key(node) === null ? next : byKey.get(key(node));
    if (!there || there.nodeName !== node.nodeName || key(there) !== key(node)) {
      parent.insertBefore(node, next);
      continue;
    }
    if (there === next) {
      next = next.nextSibling;
    } else {
      parent.insertBefore(there, next);
    }
    become(there, node);
  }
  while (next !== null) {
    const last = next;
    next = next.nextSibling;
    last.remove();
  }
}

/** What tells a child from its siblings, if anything does. */
function key(node) {
  return node instanceof Element ? node.getAttribute("data-key") : null;
}

function become(before, now) {
  if (!(before instanceof Element)) {
    if (before.nodeValue !== now.nodeValue) {
      before.nodeValue = now.nodeValue;
    }
    return;
  }
  for (const { name, value } of [...now.attributes]) {
    if (before.getAttribute(name) !== value) {
      before.setAttribute(name, value);
    }
  }
  for (const { name } of [...before.attributes]) {
    // What a reader has unfolded stays so.
    if (!now.hasAttribute(name) && name !== "open") {
      before.removeAttribute(name);
    }
  }
  show(before, [...now.childNodes]);
}

/** A list of terms and what they are. */
export function terms(pairs) {
  const known = pairs.filter((pair) => pair !== null);
  return el("dl", {}, known.map(([term, value, mark]) => el("div", { class: mark }, el("dt", {}, term), el("dd", {}, value))));
}

/** A table with a caption. */
export function table(caption, head, rows) {
  return el(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el(
      "table",
      {},
      el("caption", {}, caption),
      el("thead", {}, el("tr", {}, head.map((cell) => el("th", { scope: "col" }, cell)))),
      el("tbody", {}, rows.map((cells) => el("tr", {}, cells.map((cell) => el("td", {}, cell))))),
    ),
  );
}

/** Asks before something is changed; gives what was chosen, by name, or null. */
export function confirm(title, text, yes, options = []) {
  const dialog = document.getElementById("confirm");
  const part = (name) => document.getElementById(`confirm-${name}`);
  part("title").textContent = title;
  part("text").textContent = text;
  part("yes").textContent = yes;
  const field = ({ name, label, type }) => {
    const input = el("input", { id: `confirm-${name}`, type, min: type === "number" ? 0 : null });
    return el("p", {}, input, el("label", { for: `confirm-${name}` }, label));
  };
  part("options").replaceChildren(...options.map(field));
  const value = ({ name, type }) => (type === "checkbox" ? part(name).checked : part(name).value);
  return new Promise((resolve) => {
    let chosen = null;
    part("yes").onclick = () => {
      chosen = Object.fromEntries(options.map((option) => [option.name, value(option)]));
      dialog.close();
    };
    part("no").onclick = () => dialog.close();
    dialog.onclose = () => resolve(chosen);
    dialog.showModal();
    part("no").focus();
  });
}
