/**
 * Questions asked of whole columns. The engine interprets: a loop costs 50 to 200 ns a row, while `sort`, `includes` and
 * `indexOf` are its own and cost a few. So where few texts are in question, each is looked for.
 */

/** Up to this many texts are looked for without sorting. */
const FEW = 16;
/** Indices below this, and the absent one, fit into 16 bits, which sort faster. */
const NARROW = 0xffff;

/**
 * The indices that occur, in order; null if they are so many that loops over the rows cost less.
 * @param {Uint32Array} indices @param {number} size How many indices there are. Others do not count. @returns {number[] | null}
 */
export function distinct(indices, size) {
  /** @type {number[]} */
  const found = [];
  if (size <= FEW) {
    for (let index = 0; index < size; index++) if (indices.includes(index)) found.push(index);
    return found;
  }
  const sorted = size <= NARROW ? new Uint16Array(indices).sort() : indices.slice().sort();
  const most = Math.min(32, 8 + (sorted.length >> 5));
  for (let at = 0; at < sorted.length;) {
    const index = sorted[at];
    if (index >= size) break;
    if (found.length === most) return null;
    found.push(index);
    at = sorted.lastIndexOf(index) + 1;
  }
  return found;
}

/**
 * `table[index]` for each index, and 0 for an index beyond it.
 * @param {Uint32Array} indices @param {Uint8Array} table @param {number[] | null} [few] What `distinct` gives for them.
 */
export function spread(indices, table, few = distinct(indices, table.length)) {
  const rows = new Uint8Array(indices.length);
  if (few !== null && isSparse(table, few, rows.length)) {
    for (let at = 0; at < few.length; at++) {
      const index = few[at];
      const answer = table[index];
      if (answer === 0) continue;
      for (let row = indices.indexOf(index); row >= 0; row = indices.indexOf(index, row + 1)) rows[row] = answer;
    }
    return rows;
  }
  // Beyond the table nothing is read, which a byte takes as 0.
  const whole = indices.length & ~7;
  let row = 0;
  for (; row < whole; row += 8) {
    rows[row] = table[indices[row]];
    rows[row + 1] = table[indices[row + 1]];
    rows[row + 2] = table[indices[row + 2]];
    rows[row + 3] = table[indices[row + 3]];
    rows[row + 4] = table[indices[row + 4]];
    rows[row + 5] = table[indices[row + 5]];
    rows[row + 6] = table[indices[row + 6]];
    rows[row + 7] = table[indices[row + 7]];
  }
  for (; row < indices.length; row++) rows[row] = table[indices[row]];
  return rows;
}

/** Whether few rows will have an answer. Where most texts have one, a loop costs less. @param {Uint8Array} table @param {number[]} few @param {number} rows */
function isSparse(table, few, rows) {
  if (rows < 100) return true;
  let answered = 0;
  for (let at = 0; at < few.length; at++) if (table[few[at]] !== 0) answered++;
  return answered * 2 <= few.length;
}

/**
 * Which indices occur: 1 at the place of each that does.
 * @param {Uint32Array} indices @param {number} size How many indices there are.
 */
export function occurs(indices, size) {
  const found = new Uint8Array(size);
  const whole = indices.length & ~3;
  let row = 0;
  for (; row < whole; row += 4) {
    found[indices[row]] = 1;
    found[indices[row + 1]] = 1;
    found[indices[row + 2]] = 1;
    found[indices[row + 3]] = 1;
  }
  for (; row < indices.length; row++) found[indices[row]] = 1;
  return found;
}

/**
 * The milliseconds from each start to its end, times in ns since 1970; 0 where the end is before the start.
 * @param {BigUint64Array} starts @param {BigUint64Array} ends
 */
export function milliseconds(starts, ends) {
  // Halves of 32 bits spare a BigInt for each time. What they differ by is rounded once, as a BigInt would be.
  const from = new Uint32Array(starts.buffer, starts.byteOffset, starts.length * 2);
  const to = new Uint32Array(ends.buffer, ends.byteOffset, ends.length * 2);
  const found = new Float64Array(starts.length);
  for (let row = 0, low = 0; row < found.length; row++, low += 2) {
    const nanoseconds = (to[low + 1] - from[low + 1]) * 4294967296 + (to[low] - from[low]);
    if (nanoseconds > 0) found[row] = nanoseconds / 1e6;
  }
  return found;
}
