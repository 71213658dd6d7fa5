// Plugins: the version that runs, those before, a shadow and what to do with it, and what happened lately.

import { command, find, get, plugin as path } from "./api.js";
import { confirm, el, table, terms } from "./dom.js";
import { bytes, kinds, micros, number, short, time } from "./format.js";

let plugins = null;
let events = [];
let told = "";
/** Reports by component; those that have none are not asked for again until something has happened. */
let shadows = new Map();
let newest = null;

/** Asks for everything again. */
export async function poll() {
  [{ plugins }, { events }] = await Promise.all([get("/v1/plugins"), get("/v1/events")]);
  const last = events.at(-1);
  const now = `${last?.time} ${last?.message}`;
  const asked = now === newest ? [...shadows.keys()] : plugins.map((it) => it.component);
  newest = now;
  const reports = await Promise.all(asked.map(async (component) => [component, await find(path(component, "/shadow"))]));
  shadows = new Map(reports.filter(([, report]) => report !== null));
}

export function forget() {
  plugins = null;
  events = [];
  shadows = new Map();
  newest = null;
  told = "";
}

export function render() {
  return [
    el("h2", {}, "Plugins"),
    el("p", {}, el("button", { type: "button", "data-action": "reload" }, "Reload the manifest")),
    el("p", { id: "told", role: "status" }, told),
    ...(plugins ?? []).map(card),
    table("What happened lately, newest first", ["time", "what", "components", "message"], events.toReversed().map(event)),
  ];
}

const event = ({ time: at, kind, components, message }) => [time(at), kind.replaceAll("_", " "), components.join(", "), el("span", { class: "lines" }, message)];

function card(plugin) {
  const { component, version, probation } = plugin;
  const id = `plugin-${component}`;
  return el(
    "section",
    { class: "card", "data-key": component, "aria-labelledby": id },
    el("h3", { id }, component, " ", el("small", { class: plugin.state === "running" ? null : "warn" }, plugin.state)),
    terms([
      ["version", el("code", {}, short(version.hash))],
      ["from", version.source],
      ["since", time(version.since)],
      ["pipelines", plugin.pipelines.join(", ")],
      ["instances", `${plugin.instances}, ${bytes(plugin.memory_bytes)}`],
      probation === null ? null : ["probation", `${number(probation.batches_left)} batches left`, "warn"],
      plugin.differs_from_manifest ? ["restart", "another version would run: the manifest names it", "warn"] : null,
      ...counts(version),
    ]),
    counters(version),
    history(plugin),
    shadow(component, shadows.get(component)),
  );
}

function counts(version) {
  return [
    ["calls", number(version.calls)],
    ["in, out, dropped", [version.items_in, version.items_out, version.items_dropped].map(number).join(", ")],
    ["p50, p99", `${micros(version.latency.p50_us)}, ${micros(version.latency.p99_us)}`],
    ["faults", kinds(version.faults)],
    version.allowed_more.length > 0 ? ["allowed more", version.allowed_more.join(", "), "warn"] : null,
  ];
}

function counters({ counters }) {
  const pairs = Object.entries(counters);
  if (pairs.length === 0) {
    return null;
  }
  return el("details", { "data-key": "counters" }, el("summary", {}, "Its own counters"), terms(pairs.map(([name, count]) => [name, number(count)])));
}

function history({ history, component }) {
  if (history.length === 0) {
    return null;
  }
  const rows = history.map((it) => [el("code", {}, short(it.hash)), it.source, time(it.since), it.until === null ? "" : time(it.until), it.ended ?? "", number(it.calls), kinds(it.faults)]);
  return el(
    "details",
    { "data-key": "history" },
    el("summary", {}, history.length === 1 ? "The version before" : `The ${history.length} versions before`),
    table(`Versions of ${component} before, newest first`, ["version", "from", "since", "until", "ended", "calls", "faults"], rows),
  );
}

function shadow(component, report) {
  if (report === undefined) {
    return null;
  }
  const differ = (what) => [`${what} differ`, number(report[`${what}_differ`]), report[`${what}_differ`] > 0 ? "warn" : null];
  return el(
    "section",
    { class: "shadow", "data-key": "shadow", "aria-label": `Shadow of ${component}` },
    el("h4", {}, "Shadow ", el("small", {}, report.state)),
    terms([
      ["version", el("code", {}, short(report.hash))],
      ["from", report.source],
      ["compared", `${number(report.batches)} batches, ${number(report.spans)} items; ${number(report.batches_skipped)} batches skipped`],
      ...["verdicts", "edits", "measurements"].map(differ),
      ["p50, p99", `${micros(report.latency.p50_us)}, ${micros(report.latency.p99_us)}`],
      ["faults", kinds(report.faults)],
      report.last_fault === null ? null : ["last fault", el("span", { class: "lines" }, report.last_fault), "bad"],
      ["until", time(report.until)],
      report.sampled_trace_ids.length > 0 ? ["some that differ", el("code", {}, report.sampled_trace_ids.slice(0, 8).join(" "))] : null,
    ]),
    el(
      "p",
      { class: "buttons" },
      el("button", { type: "button", "data-action": "promote", "data-component": component }, "Promote"),
      report.state === "running" ? el("button", { type: "button", "data-action": "end-shadow", "data-component": component }, "End the shadow") : null,
    ),
  );
}

/** Does what a button says; gives whether anything was done. */
export async function act(action, component) {
  const step = { reload, promote, "end-shadow": endShadow }[action];
  if (step === undefined) {
    return false;
  }
  told = "";
  try {
    told = (await step(component)) ?? "";
  } catch (problem) {
    told = `Refused: ${problem.message}`;
  }
  return true;
}

async function reload() {
  const sure = await confirm("Reload the manifest?", "The manifest and the plugins' files are read again, and what changed is replaced while telemetry flows.", "Reload");
  if (sure === null) {
    return null;
  }
  const { changes } = await command("POST", "/v1/reload");
  return changes.length > 0 ? `Reloaded: ${changes.join("; ")}` : "Nothing has changed.";
}

async function promote(component) {
  const report = shadows.get(component);
  const options = [
    { name: "probation", label: "batches on probation, if not 100", type: "number" },
    { name: "allow_more", label: "it may read and write more than the version that runs", type: "checkbox" },
    { name: "save", label: "write it to the manifest as well", type: "checkbox" },
  ];
  const text = `Version ${short(report.hash)} takes the place of the one that runs in ${report.components.join(", ")}.`;
  const chosen = await confirm(`Promote the shadow of ${component}?`, text, "Promote", options);
  if (chosen === null) {
    return null;
  }
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(chosen)) {
    if (value !== "" && value !== false) {
      query.set(name, value);
    }
  }
  const swapped = await command("POST", `${path(component, "/promote")}?${query}`);
  return swapped.components.length > 0 ? `Promoted: ${swapped.components.map((it) => `${it.component} runs ${short(it.to)}`).join(", ")}.` : "That version runs already.";
}

async function endShadow(component) {
  await command("DELETE", path(component, "/shadow"));
  return "The shadow has ended.";
}
