// The page: which view is shown, what it asks for and when, and the token.

import { get, token } from "./api.js";
import { show } from "./dom.js";
import * as manifest from "./manifest.js";
import * as overview from "./overview.js";
import * as plugins from "./plugins.js";
import * as tap from "./tap.js";

const INTERVAL = 1000;
const VIEWS = { overview, plugins, tap, manifest };
const at = (id) => document.getElementById(id);

let access = "overview";
let timer = null;
/** Of the view's own requests; counts turns. */
let turn = 0;

function view() {
  const name = location.hash.slice(1);
  return access === "full" && name in VIEWS ? name : "overview";
}

function draw() {
  show(at("main"), VIEWS[view()].render());
  for (const link of at("views").children) {
    link.hidden = link.dataset.view !== "overview" && access !== "full";
    if (link.dataset.view === view()) {
      link.setAttribute("aria-current", "page");
    } else {
      link.removeAttribute("aria-current");
    }
  }
  at("unlock").hidden = access === "full";
  at("lock").hidden = token.get() === null || access !== "full";
}

/** Says how the service is; only what has changed, since it is read out. */
function say(text, mark) {
  if (at("state").textContent !== text) {
    at("state").textContent = text;
  }
  at("state").className = mark;
  document.title = mark === "good" ? "Spanmill" : `Spanmill: ${text}`;
}

/** One round: what everybody may see, then what the view shows. */
async function round() {
  const told = await get("/v1/overview");
  access = told.access;
  overview.take(told, performance.now());
  const worries = overview.health(told);
  const state = { starting: "Starting", ready: "Ready", ending: "Ending" }[told.state];
  say([state, ...worries].join("; "), told.state !== "ready" ? "bad" : worries.length > 0 ? "warn" : "good");
  if (turn % 2 === 0) {
    await VIEWS[view()].poll?.();
  }
}

/** Asks again in a second, unless nobody looks. */
async function run() {
  clearTimeout(timer);
  let again = true;
  try {
    await round();
  } catch (problem) {
    again = failed(problem);
  }
  turn += 1;
  draw();
  clearTimeout(timer);
  if (again && !document.hidden) {
    timer = setTimeout(run, INTERVAL);
  }
}

/** What to do about an answer that is none; gives whether to ask again. */
function failed(problem) {
  if (problem.status === 401 || problem.status === 429) {
    const hadToken = token.get() !== null;
    forget();
    at("unlock-problem").textContent = problem.status === 429 ? `Too many wrong tokens; try again in ${problem.wait} s.` : hadToken ? "That is not the token." : "";
    say(hadToken ? "Locked" : "A token is needed", "warn");
    // With what anybody may see, if that is not what was refused.
    return hadToken;
  }
  say(problem.status === 0 ? "The service does not answer" : problem.message, "bad");
  return true;
}

/** Back to what anybody may see. */
function forget() {
  token.forget();
  access = "overview";
  Object.values(VIEWS).forEach((it) => it.forget());
}

async function now() {
  turn = 0;
  await run();
}

at("unlock").addEventListener("submit", (event) => {
  event.preventDefault();
  token.set(at("token").value.trim());
  at("token").value = "";
  at("unlock-problem").textContent = "";
  now();
});

at("lock").addEventListener("click", () => {
  forget();
  now().then(() => at("token").focus());
});

at("skip").addEventListener("click", (event) => {
  event.preventDefault();
  at("main").focus();
});

at("main").addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.target.id === "tap") {
    tap.submit(draw);
    draw();
  }
});

at("main").addEventListener("click", async (event) => {
  const { action, component, pipeline, line } = event.target.dataset;
  if (pipeline !== undefined || line !== undefined) {
    event.preventDefault();
    const target = at(line ?? `pipeline-${pipeline}`);
    target?.scrollIntoView({ block: "center" });
    target?.focus();
  }
  if (action !== undefined && (await plugins.act(action, component))) {
    now();
  }
});

window.addEventListener("hashchange", () => {
  if (view() !== "tap") {
    tap.end();
  }
  now();
  window.scrollTo(0, 0);
});

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    clearTimeout(timer);
  } else {
    run();
  }
});

run();
