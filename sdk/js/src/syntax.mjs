/** Looks for mistakes in a plugin's modules before the engine does, which says little of them. */

/**
 * What is wrong with a module's syntax: file, line, column and reason of each mistake, and its lines. `undefined` if nothing is.
 * @param {{ parseSync: Function }} parser `oxc-parser`, with which componentize-js reads modules.
 * @param {string} name @param {string} source
 * @returns {string | undefined}
 */
export function syntaxErrors(parser, name, source) {
  // What TypeScript allows beyond syntax, such as overloads, is for its own compiler to say.
  const { errors } = parser.parseSync(name, source, { showSemanticErrors: !name.endsWith('.ts') });
  if (errors.length === 0) return undefined;
  return errors
    .map(({ message, codeframe }) => `${place(codeframe) ?? name}: ${message}\n${lines(codeframe)}`)
    .join('\n');
}

/** `drop_routes.js:4:17`, which the frame's first line has. */
function place(frame) {
  return frame?.match(/\[([^\]]+:\d+:\d+)\]/)?.[1];
}

/** The frame's lines of source, and what points into them. */
function lines(frame) {
  const all = (frame ?? '').split('\n');
  return all.filter((line) => /^\s*(\d+ \||:)/.test(line)).join('\n');
}
