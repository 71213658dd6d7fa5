// Numbers and times for people.

/** 7, 1.5k, 230k, 1.2M. */
export function number(value) {
  for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]]) {
    if (value >= size) {
      const scaled = value / size;
      return `${scaled < 10 ? scaled.toFixed(1).replace(/\.0$/, "") : Math.round(scaled)}${unit}`;
    }
  }
  return value > 0 && value < 10 && !Number.isInteger(value) ? value.toFixed(1) : String(Math.round(value));
}

export function rate(value) {
  return value === null ? "…" : `${number(value)}/s`;
}

/** Microseconds in the unit that suits them. */
export function micros(value) {
  if (value < 1000) {
    return `${value} µs`;
  }
  if (value < 1e6) {
    return `${value < 1e4 ? (value / 1e3).toFixed(1) : Math.round(value / 1e3)} ms`;
  }
  return `${(value / 1e6).toFixed(1)} s`;
}

export function bytes(value) {
  return value < 1 << 20 ? `${Math.ceil(value / 1024)} KiB` : `${Math.round(value / (1 << 20))} MiB`;
}

/** A time of RFC 3339, in the reader's zone. */
export function time(text) {
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? text : at.toLocaleString();
}

export function sum(counts) {
  return Object.values(counts).reduce((all, count) => all + count, 0);
}

/** `trap 2, deadline 1`. */
export function kinds(counts) {
  const seen = Object.entries(counts).filter(([, count]) => count > 0);
  return seen.map(([kind, count]) => `${kind} ${number(count)}`).join(", ") || "none";
}

export const short = (hash) => hash.slice(0, 12);
