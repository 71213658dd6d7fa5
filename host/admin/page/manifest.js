// The manifest that runs, and what is doubtful about it.

import { get } from "./api.js";
import { el } from "./dom.js";

let report = null;

export async function poll() {
  report = await get("/v1/manifest");
}

export function forget() {
  report = null;
}

export function render() {
  if (report === null) {
    return [el("h2", {}, "Manifest"), el("p", {}, "Loading")];
  }
  return [
    el("h2", {}, "Manifest"),
    el("p", { class: "quiet" }, "As it was read. What looks like a secret is ***."),
    report.warnings.length === 0 ? el("p", {}, "No warnings.") : el("ul", { class: "warnings" }, report.warnings.map(warning)),
    ...report.texts.map(text),
  ];
}

const line = (text, number) => `line-${report.texts.findIndex((it) => it.name === text)}-${number}`;

function warning({ message, help, place }) {
  const where = place === null ? null : el("a", { href: "#manifest", "data-line": line(place.text, place.line) }, `${place.text}:${place.line}:${place.column}`);
  return el("li", { class: "warn" }, "warning: ", message, " ", where, help.map((it) => el("p", { class: "quiet" }, `help: ${it}`)));
}

function text({ name, text }) {
  const marked = new Set(report.warnings.filter((it) => it.place?.text === name).map((it) => it.place.line));
  const lines = text.replace(/\n$/, "").split("\n");
  return el(
    "section",
    { "data-key": name, "aria-label": name },
    el("h3", {}, name),
    el("ol", { class: "code" }, lines.map((it, at) => el("li", { id: line(name, at + 1), tabindex: "-1", class: marked.has(at + 1) ? "warn" : null }, it === "" ? "\u200b" : it))),
  );
}
