// The admin API, and the token that it is shown.

const KEY = "spanmill.token";
const TIMEOUT = 10_000;
/** A swap may compile a plugin first. */
const COMMAND_TIMEOUT = 180_000;

/** An answer that is no success; `status` is 0 where there was none. */
export class Problem extends Error {
  constructor(status, detail, wait = null) {
    super(detail);
    this.status = status;
    this.wait = wait;
  }
}

export const token = {
  get: () => sessionStorage.getItem(KEY),
  set: (text) => sessionStorage.setItem(KEY, text),
  forget: () => sessionStorage.removeItem(KEY),
};

async function send(method, path, signal) {
  const shown = token.get();
  const headers = shown === null ? {} : { Authorization: `Bearer ${shown}` };
  let answer;
  try {
    answer = await fetch(path, { method, headers, signal, cache: "no-store", credentials: "omit", redirect: "error" });
  } catch (error) {
    if (error.name === "AbortError") {
      throw error;
    }
    throw new Problem(0, "the service does not answer");
  }
  if (answer.ok) {
    return answer;
  }
  const problem = await answer.json().catch(() => ({}));
  throw new Problem(answer.status, problem.detail ?? answer.statusText, answer.headers.get("Retry-After"));
}

export async function get(path) {
  const answer = await send("GET", path, AbortSignal.timeout(TIMEOUT));
  return answer.json();
}

/** As `get`, and null where there is nothing. */
export async function find(path) {
  try {
    return await get(path);
  } catch (problem) {
    if (problem.status === 404) {
      return null;
    }
    throw problem;
  }
}

export async function command(method, path) {
  const answer = await send(method, path, AbortSignal.timeout(COMMAND_TIMEOUT));
  return answer.json();
}

/** Reads an answer of lines of JSON until it ends or is aborted. */
export async function lines(path, signal, each) {
  const answer = await send("GET", path, signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    const parts = (rest + (value ?? "")).split("\n");
    rest = done ? "" : parts.pop();
    parts.filter((part) => part.trim() !== "").forEach((part) => each(JSON.parse(part)));
    if (done) {
      return;
    }
  }
}

export function plugin(component, what = "") {
  return `/v1/plugins/${encodeURIComponent(component)}${what}`;
}
