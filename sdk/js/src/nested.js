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

// Messages are written from their end to their beginning, so that each length is known when it is written, into one buffer.
let buffer = new Uint8Array(4096);
let at = buffer.length;

/** A list as an `ArrayValue`. @param {readonly Value[]} items */
export function encodeArray(items) {
  at = buffer.length;
  putArray(items);
  return buffer.slice(at);
}

/** An object as a `KeyValueList`. @param {{readonly [key: string]: Value}} entries */
export function encodeMap(entries) {
  at = buffer.length;
  putMap(entries);
  return buffer.slice(at);
}

/** Makes room for so many bytes, and moves before them. @param {number} count */
function move(count) {
  if (at < count) {
    const larger = new Uint8Array(2 * buffer.length + count);
    larger.set(buffer, larger.length - buffer.length);
    at += larger.length - buffer.length;
    buffer = larger;
  }
  at -= count;
}

/** @param {Uint8Array} bytes */
function put(bytes) {
  move(bytes.length);
  buffer.set(bytes, at);
}

/** @param {number} number */
function putVarint(number) {
  let rest = number;
  let count = 1;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) count++;
  move(count);
  rest = number;
  for (let byte = at; rest > 0x7f; rest = Math.floor(rest / 128)) buffer[byte++] = (rest % 128) | 0x80;
  buffer[at + count - 1] = rest;
}

/** Puts tag and length before what was written from `end` on. @param {number} number @param {number} end Counted from the buffer's end. */
function close(number, end) {
  putVarint(buffer.length - at - end);
  move(1);
  buffer[at] = (number << 3) | 2;
}

/** @param {readonly Value[]} items */
function putArray(items) {
  for (let place = items.length - 1; place >= 0; place--) {
    const end = buffer.length - at;
    putValue(items[place]);
    close(1, end);
  }
}

/** @param {{readonly [key: string]: Value}} entries */
function putMap(entries) {
  const keys = Object.keys(entries);
  for (let place = keys.length - 1; place >= 0; place--) {
    const end = buffer.length - at;
    putValue(entries[keys[place]]);
    close(2, end);
    const before = buffer.length - at;
    put(encoder.encode(keys[place]));
    close(1, before);
    close(1, end);
  }
}

/** @param {Value} value */
function putValue(value) {
  const end = buffer.length - at;
  if (typeof value === 'string') {
    put(encoder.encode(value));
    close(1, end);
  } else if (typeof value === 'boolean') {
    put(Uint8Array.of(0x10, value ? 1 : 0));
  } else if (typeof value === 'bigint') {
    if (value >= 0n && value <= 0xffffffffn) putVarint(Number(value));
    else put(varint(BigInt.asUintN(64, value)));
    put(Uint8Array.of(0x18));
  } else if (typeof value === 'number') {
    move(8);
    new DataView(buffer.buffer).setFloat64(at, value, true);
    put(Uint8Array.of(0x21));
  } else if (isBytes(value)) {
    put(value);
    close(7, end);
  } else if (Array.isArray(value)) {
    putArray(value);
    close(5, end);
  } else if (value) {
    putMap(/** @type {{[key: string]: Value}} */ (value));
    close(6, end);
  }
}

/** @param {bigint} number */
function varint(number) {
  const out = [];
  for (; number > 0x7fn; number >>= 7n) out.push(Number(number & 0x7fn) | 0x80);
  return Uint8Array.from([...out, Number(number)]);
}

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
