// Telemetry as it passes, item by item.

import { lines } from "./api.js";
import { el } from "./dom.js";
import { micros, number } from "./format.js";
import { latest } from "./overview.js";

/** Items that are kept on the page. */
const KEPT = 200;
let items = [];
let seen = 0;
let told = "Nothing is shown yet.";
let stop = null;

export function render() {
  return [
    el("h2", {}, "Tap"),
    el("p", { class: "quiet" }, "A sample of what passes. Nothing is copied while nobody looks."),
    form(),
    el("p", { role: "status" }, told),
    el("ol", { class: "items", "aria-label": "Items, newest first" }, items.map(item)),
  ];
}

function form() {
  const field = (id, label, input) => el("p", {}, el("label", { for: id }, label), input);
  const number = (id, min, value) => el("input", { id, type: "number", min, value });
  return el(
    "form",
    { id: "tap", class: "fields" },
    field("tap-target", "Where", el("select", { id: "tap-target" }, el("option", { value: "" }, "every pipeline"), targets().map((it) => el("option", { value: it }, it)))),
    field("tap-when", "When", el("select", { id: "tap-when" }, el("option", { value: "after" }, "as it leaves"), el("option", { value: "before" }, "as it comes"))),
    field("tap-filter", "Condition (OTTL)", el("input", { id: "tap-filter", spellcheck: "false", placeholder: 'span.name == "GET /"' })),
    field("tap-rate", "Items a second", number("tap-rate", 1, 10)),
    field("tap-limit", "Items in all", number("tap-limit", 1, 100)),
    el("p", {}, el("button", { type: "submit" }, stop === null ? "Start" : "Stop")),
  );
}

/** Pipelines, and components of theirs that can be looked at. */
function targets() {
  const pipelines = latest()?.pipelines ?? [];
  const stages = pipelines.flatMap((it) => [...it.receivers, ...it.processors, ...it.exporters]);
  const components = stages.filter((it) => it.kind !== "host").map((it) => it.component);
  return [...new Set([...pipelines.map((it) => it.pipeline), ...components])];
}

/** Starts, or stops what was started; `changed` is called when there is something to show. */
export async function submit(changed) {
  if (stop !== null) {
    end();
    return;
  }
  const query = new URLSearchParams();
  for (const name of ["target", "when", "filter", "rate", "limit"]) {
    const value = document.getElementById(`tap-${name}`).value;
    if (value !== "") {
      query.set(name, value);
    }
  }
  [items, seen, told] = [[], 0, "Waiting for telemetry"];
  const mine = new AbortController();
  stop = mine;
  changed();
  let why = "It has ended.";
  try {
    await lines(`/v1/tap?${query}`, mine.signal, (line) => {
      seen += 1;
      items = [{ line, at: seen }, ...items.slice(0, KEPT - 1)];
      told = "Telemetry passes";
      changed();
    });
  } catch (problem) {
    why = problem.name === "AbortError" ? "Stopped." : problem.status === 404 && !problem.message.startsWith("no pipeline") ? "This version of the service has no tap." : problem.message;
  }
  if (stop === mine) {
    stop = null;
  }
  told = `${why} ${seen === 1 ? "One item was" : `${number(seen)} items were`} shown.`;
  changed();
}

/** Stops looking. */
export function end() {
  stop?.abort();
  stop = null;
}

export function forget() {
  end();
  [items, seen, told] = [[], 0, "Nothing is shown yet."];
}

function item({ line, at }) {
  return el(
    "li",
    { "data-key": String(at) },
    el("details", {}, el("summary", {}, summary(line)), el("pre", { tabindex: "0" }, JSON.stringify(line, null, 2))),
  );
}

function summary(line) {
  const service = attribute(line.resource?.attributes, "service.name") ?? "-";
  return [line.pipeline, service, what(line)].join("  ");
}

function what({ span, logRecord, metric }) {
  if (span !== undefined) {
    const took = Math.round((Number(span.endTimeUnixNano ?? 0) - Number(span.startTimeUnixNano ?? 0)) / 1000);
    return `${span.name ?? ""}  ${micros(took)}${span.status?.code === 2 ? "  ERROR" : ""}`;
  }
  if (logRecord !== undefined) {
    return `${logRecord.severityText ?? ""}  ${plain(logRecord.body)}`;
  }
  return metric?.name ?? "";
}

function attribute(attributes, key) {
  const found = attributes?.find((it) => it.key === key);
  return found === undefined ? null : plain(found.value);
}

function plain(value) {
  const inner = Object.values(value ?? {})[0];
  return typeof inner === "string" ? inner : JSON.stringify(inner ?? "");
}
