// The pipelines: a box a stage, in the order in which telemetry passes them.

import { el, table, terms } from "./dom.js";
import { kinds, micros, number, rate, sum, time } from "./format.js";

/** How far back rates reach, in milliseconds. */
const WINDOW = 5000;
const samples = [];

/** Takes what the service has told. */
export function take(overview, at) {
  samples.push({ overview, at });
  while (samples.length > 2 && at - samples[0].at > WINDOW) {
    samples.shift();
  }
}

export function forget() {
  samples.length = 0;
}

export function latest() {
  return samples.at(-1)?.overview ?? null;
}

/** How fast a count grows; null as long as there is one sample, or where counts have begun anew. */
function growth(find) {
  if (samples.length < 2) {
    return null;
  }
  const [first, last] = [samples[0], samples.at(-1)];
  const [before, now] = [find(first.overview), find(last.overview)];
  if (before === null || now === null || now < before || last.at <= first.at) {
    return null;
  }
  return ((now - before) * 1000) / (last.at - first.at);
}

/** What there is to worry about, without numbers that change all the time: it is read out. */
export function health(overview) {
  const worries = [];
  const some = (count, one, many) => count > 0 && worries.push(count === 1 ? one : `${count} ${many}`);
  some(overview.exporters.filter((it) => it.failing).length, "an exporter is failing", "exporters are failing");
  some(overview.exporters.filter(isFull).length, "a queue is full", "queues are full");
  some(overview.plugins.filter((it) => it.state === "quarantined").length, "a plugin is quarantined", "plugins are quarantined");
  some(overview.plugins.filter((it) => it.state === "probation").length, "a plugin is on probation", "plugins are on probation");
  some(overview.lost.length > 0 ? 1 : 0, "items were lost", "");
  return worries;
}

const isFull = ({ queue }) => queue !== null && queue.size >= queue.capacity;

export function render() {
  const overview = latest();
  if (overview === null) {
    return [el("p", {}, "Nothing is known yet.")];
  }
  return [
    el("h2", {}, "Overview"),
    overview.ready_since === null ? null : el("p", { class: "quiet" }, `Ready since ${time(overview.ready_since)}. Counts are of each component, over all its pipelines.`),
    ...overview.pipelines.map((pipeline) => section(pipeline, overview)),
    losses(overview.lost),
  ];
}

function section(pipeline, overview) {
  const sources = (stage) => overview.pipelines.filter((it) => it.exporters.some((end) => end.component === stage.component && end.leads_to.includes(pipeline.pipeline)));
  const made = (stage) => box({ ...stage, comes_from: sources(stage).map((it) => it.pipeline) }, pipeline, overview);
  const group = (stages) => el("li", { class: "column" }, el("ul", {}, stages.map(made)));
  const columns = [group(pipeline.receivers), ...pipeline.processors.map((stage) => group([stage])), group(pipeline.exporters)];
  const id = `pipeline-${pipeline.pipeline}`;
  return el(
    "section",
    { class: "pipeline", "data-key": id, "aria-labelledby": id },
    el("h3", { id, tabindex: "-1" }, pipeline.pipeline),
    el("ol", { class: "flow", tabindex: "0", "aria-label": `Stages of ${pipeline.pipeline}` }, columns),
  );
}

const KINDS = { receiver: "receiver", host: "host", plugin: "plugin", connector: "connector", exporter: "exporter" };

function box(stage, pipeline, overview) {
  // A connector has its numbers where telemetry comes to it.
  const isSource = stage.comes_from.length > 0;
  const values = isSource ? [] : { receiver, host: () => [], plugin, connector: plugin, exporter }[stage.kind](stage, pipeline, overview);
  const isBad = values.some((value) => value !== null && value[2] === "bad");
  const isDoubtful = values.some((value) => value !== null && value[2] === "warn");
  return el(
    "li",
    { class: `stage ${stage.kind}${isBad ? " bad" : isDoubtful ? " warn" : ""}`, "data-key": stage.component },
    el("p", { class: "name" }, stage.component, " ", el("small", {}, KINDS[stage.kind])),
    values.length > 0 ? terms(values) : null,
    links("from", stage.comes_from),
    links("to", stage.leads_to),
  );
}

function links(word, pipelines) {
  const link = (it) => el("a", { href: "#overview", "data-pipeline": it }, it);
  return pipelines.length > 0 ? el("p", { class: "leads" }, `${word} `, pipelines.map(link)) : null;
}

function receiver(stage, pipeline, overview) {
  const of = (from) => from.receivers.filter((it) => it.receiver === stage.component && it.signal === pipeline.signal);
  const count = (what) => (from) => of(from).reduce((all, it) => all + it[what], 0);
  const refused = count("refused")(overview) + count("failed")(overview);
  return [
    ["accepted", rate(growth(count("accepted")))],
    ["refused", rate(growth((from) => count("refused")(from) + count("failed")(from))), refused > 0 && growth(count("refused")) > 0 ? "warn" : null],
  ];
}

function plugin(stage, _, overview) {
  const of = (from) => from.plugins.find((it) => it.component === stage.component) ?? null;
  const now = of(overview);
  if (now === null) {
    // A connector of the host's own.
    return [];
  }
  // Another version has counts of its own.
  const isSame = (it) => it !== null && it.swaps === now.swaps && it.rollbacks === now.rollbacks;
  const count = (what) => (from) => (isSame(of(from)) ? of(from)[what] : null);
  const faults = sum(now.faults);
  const isConnector = stage.kind === "connector";
  return [
    ["in", rate(growth(count("items_in")))],
    isConnector ? null : ["out", rate(growth(count("items_out")))],
    isConnector ? null : ["dropped", rate(growth(count("items_dropped")))],
    now.items_held > 0 ? ["held", number(now.items_held)] : null,
    now.items_passed > 0 ? ["passed by", number(now.items_passed), "warn"] : null,
    ["p99", micros(now.latency.p99_us)],
    ["faults", faults > 0 ? kinds(now.faults) : "0", faults > 0 ? "warn" : null],
    now.state === "running" ? null : ["state", now.state, now.state === "quarantined" ? "bad" : "warn"],
  ];
}

function exporter(stage, pipeline, overview) {
  const of = (from) => from.exporters.find((it) => it.exporter === stage.component) ?? null;
  const now = of(overview);
  if (now === null) {
    return [];
  }
  const count = (what) => (from) => of(from)?.signals[pipeline.signal]?.[what] ?? 0;
  const failed = (from) => count("send_failed")(from) + count("enqueue_failed")(from);
  return [
    ["sent", rate(growth(count("sent")))],
    ["failed", rate(growth(failed)), growth(failed) > 0 ? "warn" : null],
    ["waiting", number(now.waiting)],
    ["p99 lag", micros(now.delivery_lag.p99_us)],
    now.queue === null ? null : ["queue", fill(now.queue), isFull(now) ? "bad" : null],
    now.failing ? ["state", `failing for ${now.failing_seconds ?? 0} s`, "bad"] : null,
  ];
}

function fill({ size, capacity, sizer }) {
  const text = `${number(size)} of ${number(capacity)} ${sizer}`;
  return el("span", {}, el("meter", { min: 0, max: capacity, high: capacity * 0.8, value: size, "aria-label": text }), " ", text);
}

function losses(lost) {
  if (lost.length === 0) {
    return null;
  }
  const rows = lost.map((loss) => [loss.component, loss.items, loss.reason, number(loss.count)]);
  return table("Lost since the start", ["component", "items", "reason", "count"], rows);
}
