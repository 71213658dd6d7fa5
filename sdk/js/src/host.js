/** The host's log and counters. Natively both are recorded; the build puts `host.guest.js` in this file's place. */

/** @type {{logs: {level: string, message: string}[], counts: Map<string, number>}} */
export const recorded = { logs: [], counts: new Map() };

/** @param {'debug' | 'info' | 'warn' | 'error'} level @param {string} message */
export function hostLog(level, message) {
  recorded.logs.push({ level, message });
}

/** @param {string} name @param {bigint} delta */
export function hostCount(name, delta) {
  recorded.counts.set(name, (recorded.counts.get(name) ?? 0) + Number(delta));
}
