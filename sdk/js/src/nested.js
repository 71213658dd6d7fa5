/** Arrays and maps, which cross in OTLP's encoding: `ArrayValue` and `KeyValueList`. */

/** @import { Value } from './values.js' */

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** An encoded `ArrayValue`; entries without a value are null. @param {Uint8Array} data @returns {Value[]} */
export function decodeArray(data) {
  const items = [];
  for (const [number, part] of fields(data)) {
    if (number === 1 && typeof part !== 'bigint') items.push(decodeValue(part));
  }
  return items;
}

/** An encoded `KeyValueList`; entries without a value are null. @param {Uint8Array} data @returns {{[key: string]: Value}} */
export function decodeMap(data) {
  /** @type {Map<string, Value>} */
  const found = new Map();
  for (const [number, entry] of fields(data)) {
    if (number !== 1 || typeof entry === 'bigint') continue;
    let key = '';
    /** @type {Value} */
    let value = null;
    for (const [which, part] of fields(entry)) {
      if (typeof part === 'bigint') continue;
      if (which === 1) key = decoder.decode(part);
      else if (which === 2) value = decodeValue(part);
    }
    if (!found.has(key)) found.set(key, value);
  }
  return Object.fromEntries(found);
}

/** @param {Uint8Array} data @returns {Value} */
function decodeValue(data) {
  /** @type {Value} */
  let value = null;
  for (const [number, part] of fields(data)) {
    if (typeof part !== 'bigint') {
      if (number === 1) value = decoder.decode(part);
      else if (number === 4) value = new DataView(part.buffer, part.byteOffset).getFloat64(0, true);
      else if (number === 5) value = decodeArray(part);
      else if (number === 6) value = decodeMap(part);
      else if (number === 7) value = part;
    } else if (number === 2) value = part !== 0n;
    else if (number === 3) value = BigInt.asIntN(64, part);
  }
  return value;
}

/** @param {Uint8Array} data @returns {Generator<[number, bigint | Uint8Array]>} */
function* fields(data) {
  let at = 0;
  const varint = () => {
    let number = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = data[at++];
      number |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, number);
    }
  };
  while (at < data.length) {
    const tag = Number(varint());
    const kind = tag & 7;
    if (kind === 0) {
      yield [tag >> 3, varint()];
      continue;
    }
    const length = kind === 2 ? Number(varint()) : kind === 1 ? 8 : 4;
    yield [tag >> 3, data.subarray(at, at + length)];
    at += length;
  }
}

/** A list as an `ArrayValue`. @param {readonly Value[]} items */
export const encodeArray = (items) => joined(items.map((item) => part(1, encodeValue(item))));

/** An object as a `KeyValueList`. @param {{readonly [key: string]: Value}} entries */
export const encodeMap = (entries) =>
  joined(
    Object.entries(entries).map(([key, value]) =>
      part(1, joined([part(1, encoder.encode(key)), part(2, encodeValue(value))])),
    ),
  );

/** @param {Value} value @returns {Uint8Array} */
function encodeValue(value) {
  if (typeof value === 'string') return part(1, encoder.encode(value));
  if (typeof value === 'boolean') return Uint8Array.of(0x10, value ? 1 : 0);
  if (typeof value === 'bigint') return joined([Uint8Array.of(0x18), varint(BigInt.asUintN(64, value))]);
  if (typeof value === 'number') {
    const bytes = new Uint8Array(9);
    bytes[0] = 0x21;
    new DataView(bytes.buffer).setFloat64(1, value, true);
    return bytes;
  }
  if (isBytes(value)) return part(7, value);
  if (Array.isArray(value)) return part(5, encodeArray(value));
  return value ? part(6, encodeMap(/** @type {{[key: string]: Value}} */ (value))) : new Uint8Array();
}

/** @param {bigint} number */
function varint(number) {
  const out = [];
  for (; number > 0x7fn; number >>= 7n) out.push(Number(number & 0x7fn) | 0x80);
  return Uint8Array.from([...out, Number(number)]);
}

/** @param {number} number @param {Uint8Array} data */
const part = (number, data) => joined([Uint8Array.of((number << 3) | 2), varint(BigInt(data.length)), data]);

/** Bytes, one behind the other. @param {readonly Uint8Array[]} parts */
export function joined(parts) {
  const out = new Uint8Array(parts.reduce((length, one) => length + one.length, 0));
  let at = 0;
  for (const one of parts) {
    out.set(one, at);
    at += one.length;
  }
  return out;
}

/** Whether a value is bytes. In a component those of a batch come from another realm, so `instanceof` does not tell. @param {unknown} value @returns {value is Uint8Array} */
export const isBytes = (value) => ArrayBuffer.isView(value);
