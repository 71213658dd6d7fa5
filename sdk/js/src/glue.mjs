/**
 * Makes the glue that componentize-js generates lean. The engine interprets, so each property that the glue looks up is
 * dear, and the glue of one batch takes longer than most plugins do.
 *
 * Memory starts at address 0 and never moves, so a view of it stays good for what was there when it was made: it has to be
 * made anew only after memory has grown, which an entry or an allocation shows.
 */

const ADDED = `
const $allocate = $realloc;
let $view = new DataView($memory.buffer);
const $refresh = () => { const buffer = $memory.buffer; if ($view.byteLength !== buffer.byteLength) $view = new DataView(buffer); };
$realloc = (pointer, size, align, wanted) => {
  if (wanted === 0) return align;
  const found = $allocate(pointer, size, align, wanted);
  if (found + wanted > $view.byteLength) $refresh();
  return found;
};
`;

/** The glue, lean. Throws if it does not look as this version of componentize-js makes it. @param {string} source */
export function leanGlue(source) {
  const bindings = /let (\[\$memory, \$realloc, .*?\]) = \$bindings;\ndelete globalThis\.\$bindings;\n/;
  if (!bindings.test(source) || !source.includes('const dataView = mem => ')) {
    throw new Error('the glue is not that of componentize-js 0.23.0; install that version');
  }
  return source
    .replace(bindings, (line) => line + ADDED)
    .replace(/^ *_debugLog\('\[Instruction::[^;]*?\}\);\n/gm, '')
    .replace(/^ *_debugLog\(' \[Instruction::.*?'\);\n/gm, '')
    .replaceAll('dataView($memory)', '$view')
    .replace(/^(async function export_.*\{)$/gm, '$1\n  $refresh();')
    .replace(/= await (\w+\()/g, '= $1');
}
