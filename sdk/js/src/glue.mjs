/**
 * Makes the glue that componentize-js generates lean. The engine interprets, so each call and each property that the glue
 * looks up is dear, and the glue of one batch takes longer than most plugins do.
 *
 * Memory starts at address 0 and never moves, so a view of it stays good for what was there when it was made: views have to
 * be made anew only after memory has grown, which an entry or an allocation shows. What a plugin gets is a copy, its own.
 */

/** What the rest of the glue is made to use. */
const ADDED = `
const $allocate = $realloc;
let $view, $bytes, $words, $longs;
const $refresh = () => {
  const buffer = $memory.buffer;
  if ($view !== undefined && $view.byteLength === buffer.byteLength) return;
  $view = new DataView(buffer);
  $bytes = new Uint8Array(buffer);
  $words = new Uint32Array(buffer, 0, buffer.byteLength >> 2);
  $longs = new BigUint64Array(buffer, 0, buffer.byteLength >> 3);
};
$refresh();
$realloc = (pointer, size, align, wanted) => {
  if (wanted === 0) return align;
  const found = $allocate(pointer, size, align, wanted);
  if (found + wanted > $bytes.length) $refresh();
  return found;
};
const $none8 = new Uint8Array(0), $none32 = new Uint32Array(0), $none64 = new BigUint64Array(0);
const $takeUint8Array = (at, length) => {
  if (length === 0) return $none8;
  const taken = $bytes.slice(at, at + length);
  $dealloc(at, length, 1);
  return taken;
};
const $takeUint32Array = (at, length) => {
  if (length === 0) return $none32;
  const from = at >> 2;
  const taken = $words.slice(from, from + length);
  $dealloc(at, length << 2, 4);
  return taken;
};
const $takeBigUint64Array = (at, length) => {
  if (length === 0) return $none64;
  const from = at >> 3;
  const taken = $longs.slice(from, from + length);
  $dealloc(at, length << 3, 8);
  return taken;
};
// The engine asks each export for a promise; this one is kept for all that return nothing.
const $done = Promise.resolve();
`;

/** What lists of each kind are copied by. @type {Record<string, [string, number, number]>} */
const VIEWS = { u8: ['$bytes', 1, 0], u32: ['$words', 4, 2], u64: ['$longs', 8, 3] };

/** What is generated, and what takes its place, in this order. @type {[RegExp, string | ((...parts: string[]) => string)][]} */
const CHANGES = [
  [
    /let (\[\$memory, \$realloc, \$dealloc.*?\]) = \$bindings;\ndelete globalThis\.\$bindings;\n/,
    (line) => line + ADDED,
  ],
  [/^ *_debugLog\('\[Instruction::[^;]*?\}\);\n/gm, ''],
  [/^ *_debugLog\(' \[Instruction::.*?'\);\n/gm, ''],
  [/^(async function export_.*\{)$/gm, '$1\n  $refresh();'],
  // Nothing is awaited, and an async function is a generator and a promise a call.
  [/= await (\w+\()/g, '= $1'],
  [/^async (function export_.*(?:\n(?!\}).*)*?)\n *return;\n\}/gm, '$1\n  return $$done;\n}'],
  // Numbers in memory.
  [/dataView\(\$memory\)/g, '$view'],
  [/\$view\.getU?[iI]nt32\((\w+ \+ \d+), true\)( >>> 0)?/g, '$words[($1) >> 2]'],
  [/\$view\.getUint8\((\w+ \+ \d+), true\)/g, '$bytes[$1]'],
  [/\$view\.setU?[iI]nt32\((\w+ \+ \d+), (.*), true\);/g, '$words[($1) >> 2] = $2;'],
  [/\$view\.setInt8\((\w+ \+ \d+), (.*), true\);/g, '$bytes[$1] = $2;'],
  // Lists of numbers that come in; the host has looked that they are aligned.
  [
    /^ *if \((ptr\d+) % (\d) !== 0\) throw .*\n( *var \w+ = )new (\w+)\(\$memory\.buffer\.slice\(\1, \1 \+ (len\d+) \* \2\)\);\n *if \(\5 !== 0\) \$dealloc\(\1, \5(?: \* \2)?, \2\);\n/gm,
    '$3$take$4($1, $5);\n',
  ],
  [/^ *if \((?:ptr|base)\d+ % \d !== 0\) throw .*\n/gm, ''],
  // Lists that go out.
  [/= \$realloc\(0, 0, (\d), (len\d+) \* (\d+)\);/g, '= $2 === 0 ? $1 : $realloc(0, 0, $1, $2 * $3);'],
  [
    /^( *)let valData(\d+);\n( *const valLenBytes\2 = .*\n) *if (\(Array\.isArray\(val\2\)\) \{(?:\n(?!\1\} else \{).*)*)\n *\} else \{\n.*\n *valData\2 = (.*);\n *const out\2 = .*\n *out\2\.set\(valData\2\);\n *\}\n/gm,
    (_, indent, number, bytes, array, data) => {
      const list = `val${number}`;
      const at = `ptr${number}`;
      const [view, size, shift] = VIEWS[/'(\w+)'/.exec(array)?.[1] ?? ''] ?? [];
      const same = view
        ? `if (${list}.BYTES_PER_ELEMENT === ${size}) ${view}.set(${list}, ${at} >> ${shift});\n${indent}else `
        : '';
      return (
        `${indent}if (len${number} !== 0) {\n${bytes}${indent}${same}if ${array}\n${indent}} ` +
        `else $bytes.set(${data}, ${at});\n${indent}}\n`
      );
    },
  ],
];

/** What every glue has, and what none has that was changed as a whole. */
const GENERATED = /\$bindings;\ndelete globalThis\.\$bindings;\n/;
const LEFT =
  /\$memory\.buffer\.slice|valData\d|dataView\(|\bawait |\$view\.[gs]etU?[iI]nt(?:8|32)\(|^async function export_.*\{\n(?!  \$refresh\(\);)|^async function export_\w+\$(?:configure|process|tick|review|describe)\(|_debugLog\(' ?\[Instruction/m;

/** The glue, lean. Throws if it does not look as this version of componentize-js makes it. @param {string} source */
export function leanGlue(source) {
  let lean = source;
  for (const [generated, instead] of CHANGES) lean = lean.replace(generated, /** @type {any} */ (instead));
  const left = LEFT.exec(lean);
  if (!GENERATED.test(source) || !lean.includes(ADDED) || left !== null) {
    const what = left === null ? '' : ` (${left[0].trim()})`;
    throw new Error(`the glue is not that of componentize-js 0.23.0${what}; install that version`);
  }
  return lean;
}
