/** Questions asked of whole columns. The engine interprets: a loop costs 100 ns and more a row, `indexOf` next to nothing. */

/** Up to this many texts are looked for one by one. */
const FEW = 64;

/**
 * `table[index]` for each index, and 0 for an index beyond it.
 * @param {Uint32Array} indices @param {Uint8Array} table
 */
export function spread(indices, table) {
  const rows = new Uint8Array(indices.length);
  const size = table.length;
  if (size <= FEW) {
    for (let index = 0; index < size; index++) {
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

/**
 * Which indices occur: 1 at the place of each that does.
 * @param {Uint32Array} indices @param {number} size How many indices there are.
 */
export function occurs(indices, size) {
  const found = new Uint8Array(size);
  if (size <= FEW) {
    for (let index = 0; index < size; index++) if (indices.includes(index)) found[index] = 1;
    return found;
  }
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
