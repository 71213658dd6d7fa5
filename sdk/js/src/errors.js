/** How a plugin says no. */

/** @typedef {{path: string, message: string}} Problem One mistake in the settings: JSON pointer, and what to do. */

/** The settings are wrong: every mistake, not just the first. */
export class ConfigError extends Error {
  /** @param {Problem[]} problems */
  constructor(problems) {
    super(problems.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; '));
    this.problems = problems;
  }

  /** One mistake at one place. @param {string} path @param {string} message */
  static at(path, message) {
    return new ConfigError([{ path, message }]);
  }
}

/** The plugin cannot run here, whatever the settings. */
export class Unavailable extends Error {}

/** This batch cannot be processed; the next may be. No attribute value may stand in the message. */
export class BatchError extends Error {}

/** The plugin's own state is broken: the host makes a new instance. No attribute value may stand in the message. */
export class StateError extends Error {}

/** A saved state of a layout that this version does not know. */
export class UnknownFormat extends Error {}

/** A saved state that does not have its layout. No attribute value may stand in the message. */
export class BadState extends Error {}

/** Collects mistakes, so that a user sees them all at once. */
export class Problems {
  /** @type {Problem[]} */
  found = [];

  /** Notes a mistake: JSON pointer to the place, and what to do. @param {string} path @param {string} message */
  push(path, message) {
    this.found.push({ path, message });
  }

  /** Throws a `ConfigError` if anything was noted. */
  check() {
    if (this.found.length > 0) throw new ConfigError(this.found);
  }
}

/**
 * The candidate that a misspelt name most likely means: at most two letters or a third of them differ.
 * @param {string} name @param {Iterable<string>} candidates @returns {string | undefined}
 */
export function closest(name, candidates) {
  let least = Math.max(Math.floor(name.length / 3), name.length > 3 ? 2 : 1) + 1;
  let found;
  for (const candidate of candidates) {
    const apart = distance(name.toLowerCase(), candidate.toLowerCase());
    if (apart < least) [least, found] = [apart, candidate];
  }
  return found;
}

/** Levenshtein's distance. @param {string} left @param {string} right */
function distance(left, right) {
  const row = Array.from({ length: right.length + 1 }, (_, place) => place);
  for (let line = 0; line < left.length; line++) {
    let diagonal = row[0];
    row[0] = line + 1;
    for (let place = 0; place < right.length; place++) {
      const above = row[place + 1];
      const differs = left[line] === right[place] ? 0 : 1;
      row[place + 1] = Math.min(diagonal + differs, above + 1, row[place] + 1);
      diagonal = above;
    }
  }
  return row[right.length];
}
