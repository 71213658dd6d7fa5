/** Drops spans and log records whose attributes have certain values, such as those of requests with a certain header. */

import { ConfigError, Context, Kind, Signal, exportAbout, exportProcessor, settings } from '@spanmill/sdk';

/** @import { Batch, CellField, Contract, Outcome, Value } from '@spanmill/sdk' */

const Settings = settings.object({
  drop: settings.mapping(
    settings.list(settings.text(), (values, path, problems) => {
      if (values.length === 0)
        problems.push(path, 'must have a value; take the attribute out if none is to be dropped');
    }),
  ),
});

/** An attribute to look at. @typedef {{field: CellField, values: Set<string>}} Rule */

/** The plugin. */
export class DropByHeader {
  static settings = Settings;

  /** @param {Rule[]} rules */
  constructor(rules) {
    this.rules = rules;
  }

  /** Declares each attribute, of spans and of log records. @param {settings.Infer<typeof Settings>} given @param {Contract} contract */
  static configure(given, contract) {
    const attributes = Object.entries(given.drop);
    if (attributes.length === 0) throw ConfigError.at('/drop', 'must name an attribute');
    contract.take(Signal.TRACES, Signal.LOGS);
    const contexts = [Context.SPAN, Context.LOG];
    return new DropByHeader(
      contexts.flatMap((context) =>
        attributes.map(([key, values]) => ({ field: contract.readAttribute(context, key), values: new Set(values) })),
      ),
    );
  }

  /** Drops the rows that any rule applies to. @param {Batch} batch @param {Outcome} outcome */
  process(batch, outcome) {
    for (const { field, values } of this.rules) {
      // A signal has no fields of the other's contexts.
      if (batch.rows(field.context) > 0) outcome.dropRows(field.context, matching(batch, field, values));
    }
  }
}

/**
 * 1 for each row whose attribute is one of the values, or a list with one of them: instrumentations record headers as lists.
 * @param {Batch} batch @param {CellField} field @param {Set<string>} wanted
 */
function matching(batch, field, wanted) {
  const values = batch.values(field);
  const rows = values.answers((text) => wanted.has(text));
  if (values.isText) return rows;
  /** Equal lists have the same index in the pool, so each is decoded once. @type {Map<bigint, number>} */
  const known = new Map();
  for (let row = 0; row < values.length; row++) {
    const { kind, bits } = values.cell(row);
    if (kind !== Kind.ARRAY) continue;
    let answer = known.get(bits);
    if (answer === undefined) {
      const list = /** @type {Value[]} */ (values.get(row));
      answer = Number(list.some((value) => typeof value === 'string' && wanted.has(value)));
      known.set(bits, answer);
    }
    rows[row] = answer;
  }
  return rows;
}

export const processor = exportProcessor(DropByHeader);
export const about = exportAbout({
  name: 'drop_by_header',
  version: '0.1.0',
  summary: 'Drops spans and log records by the values of attributes, such as HTTP headers',
  settings: Settings,
});
