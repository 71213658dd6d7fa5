/** Settings read as what a plugin wants, and their JSON Schema. */

import { ConfigError, Problems, closest } from './errors.js';

/**
 * One kind of setting: reads a JSON value, notes every mistake, and knows its JSON Schema.
 * @template T
 * @typedef {object} Setting
 * @property {(value: unknown, path: string, problems: Problems) => T} read
 * @property {Record<string, unknown>} schema
 * @property {boolean} [isOptional]
 * @property {() => T} [absent] What it is when it is not given.
 */

/** The type of what a setting gives. @template S @typedef {S extends Setting<infer T> ? T : never} Infer */

/**
 * @template T
 * @param {string} what @param {(value: unknown) => boolean} is @param {Record<string, unknown>} schema
 * @param {(value: T) => string | undefined} [check]
 * @returns {Setting<T>}
 */
function leaf(what, is, schema, check) {
  return {
    schema,
    read(value, path, problems) {
      const known = /** @type {T} */ (value);
      const message = is(value) ? check?.(known) : `must be ${what}`;
      if (message !== undefined) problems.push(path, message);
      return known;
    },
  };
}

/** A text. `check` says what is wrong with one, if anything. @param {(value: string) => string | undefined} [check] @returns {Setting<string>} */
export const text = (check) => leaf('a text', (value) => typeof value === 'string', { type: 'string' }, check);

/** True or false. @returns {Setting<boolean>} */
export const bool = () => leaf('true or false', (value) => typeof value === 'boolean', { type: 'boolean' });

/** A number. @param {(value: number) => string | undefined} [check] @returns {Setting<number>} */
export const number = (check) => leaf('a number', (value) => typeof value === 'number', { type: 'number' }, check);

/** A whole number. @param {(value: number) => string | undefined} [check] @returns {Setting<number>} */
export const integer = (check) => leaf('a whole number', Number.isSafeInteger, { type: 'integer' }, check);

/**
 * One of some texts.
 * @template {string} T @param {...T} allowed @returns {Setting<T>}
 */
export function oneOf(...allowed) {
  const all = /** @type {string[]} */ (allowed);
  return {
    schema: { enum: all },
    read(value, path, problems) {
      if (typeof value !== 'string' || !all.includes(value)) {
        const meant = typeof value === 'string' ? closest(value, all) : undefined;
        const hint = meant === undefined ? '' : `; did you mean \`${meant}\`?`;
        problems.push(path, `must be one of ${all.map((one) => `\`${one}\``).join(', ')}${hint}`);
      }
      return /** @type {T} */ (value);
    },
  };
}

/**
 * A list.
 * @template T @param {Setting<T>} item
 * @param {(items: T[], path: string, problems: Problems) => void} [check] Finds mistakes that no single item has.
 * @returns {Setting<T[]>}
 */
export function list(item, check) {
  return {
    schema: { type: 'array', items: item.schema },
    read(value, path, problems) {
      if (!Array.isArray(value)) {
        problems.push(path, 'must be a list');
        return [];
      }
      const before = problems.found.length;
      const items = value.map((one, place) => item.read(one, `${path}/${place}`, problems));
      if (problems.found.length === before) check?.(items, path, problems);
      return items;
    },
  };
}

/** A mapping with any keys. @template T @param {Setting<T>} item @returns {Setting<Record<string, T>>} */
export function mapping(item) {
  return {
    schema: { type: 'object', additionalProperties: item.schema },
    read(value, path, problems) {
      if (!isObject(value)) {
        problems.push(path, 'must be a mapping');
        return {};
      }
      // Unlike an assignment, this takes `__proto__` for a key as any other.
      return Object.fromEntries(
        Object.keys(value).map((key) => [key, item.read(value[key], path + pointer(key), problems)]),
      );
    },
  };
}

/** A setting that may be left out. @template T @param {Setting<T>} item @returns {Setting<T | undefined>} */
export const optional = (item) => ({ ...item, isOptional: true, absent: () => undefined });

/** A setting that may be left out, and what it is then. @template T @param {Setting<T>} item @param {T} value @returns {Setting<T>} */
export const withDefault = (item, value) => ({
  ...item,
  schema: { ...item.schema, default: value },
  isOptional: true,
  absent: () => value,
});

/**
 * A mapping with these keys and no others.
 * @template {Record<string, Setting<any>>} S @param {S} settings
 * @returns {Setting<{[K in keyof S]: Infer<S[K]>}>}
 */
export function object(settings) {
  const keys = Object.keys(settings);
  const required = keys.filter((key) => !settings[key].isOptional);
  const properties = Object.fromEntries(keys.map((key) => [key, settings[key].schema]));
  return {
    schema: { type: 'object', properties, additionalProperties: false, ...(required.length > 0 && { required }) },
    read(value, path, problems) {
      /** @type {Record<string, unknown>} */
      const found = {};
      const given = isObject(value) ? value : {};
      if (!isObject(value)) problems.push(path, 'must be a mapping');
      for (const key of Object.keys(given)) {
        if (keys.includes(key)) continue;
        const meant = closest(key, keys);
        problems.push(path + pointer(key), `unknown key${meant ? `; did you mean \`${meant}\`?` : '; take it out'}`);
      }
      for (const key of keys) {
        if (Object.hasOwn(given, key)) found[key] = settings[key].read(given[key], path + pointer(key), problems);
        else if (settings[key].absent) found[key] = settings[key].absent();
        else if (isObject(value)) problems.push(path, `\`${key}\` is missing`);
      }
      return /** @type {any} */ (found);
    },
  };
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** @param {string} key */
const pointer = (key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;

/**
 * Reads settings, a JSON object; `null`, which an empty YAML section becomes, is an empty object.
 * @template T @param {Setting<T>} setting @param {string} json @returns {T}
 */
export function parseSettings(setting, json) {
  let value;
  try {
    value = JSON.parse(json);
  } catch {
    throw ConfigError.at('', 'must be JSON');
  }
  const problems = new Problems();
  const settings = setting.read(value ?? {}, '', problems);
  problems.check();
  return settings;
}
