/** Counts the calls of each route, and how long they took. */

import {
  ABSENT_INDEX,
  Cell,
  Context,
  SeriesNumbers,
  exportAbout,
  exportConnector,
  milliseconds,
  settings,
} from './spanmill_sdk/index.js';
import type { Attribute, Batch, Contract, Emission, ListField, MetricStream } from './spanmill_sdk/index.js';
import type { CellField, NarrowField, WideField } from './spanmill_sdk/index.js';

const KINDS = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'];
const CODES = ['UNSET', 'OK', 'ERROR'];

const Settings = settings.object({
  buckets_ms: settings.withDefault(
    settings.list(settings.number(), (bounds, path, problems) => {
      bounds.forEach((bound, place) => {
        if (!Number.isFinite(bound)) problems.push(`${path}/${place}`, 'must be finite');
        else if (place > 0 && bound <= bounds[place - 1]) {
          problems.push(`${path}/${place}`, 'must be greater than the one before');
        }
      });
    }),
    [5, 10, 25, 50, 100, 250, 500, 1000],
  ),
});

/** The plugin. */
export class RouteCalls {
  static settings = Settings;
  readonly resource: ListField;
  readonly route: CellField;
  readonly kind: NarrowField;
  readonly code: NarrowField;
  readonly start: WideField;
  readonly end: WideField;
  readonly numbers: SeriesNumbers;

  constructor(contract: Contract) {
    this.resource = contract.readAttributes(Context.RESOURCE);
    this.route = contract.readAttribute(Context.SPAN, 'http.route');
    this.kind = contract.readNarrow('span.kind');
    this.code = contract.readNarrow('span.status.code');
    this.start = contract.readWide('span.start_time_unix_nano');
    this.end = contract.readWide('span.end_time_unix_nano');
    this.numbers = new SeriesNumbers();
  }

  /** Declares what it reads and the two metrics it makes. */
  static configure(given: settings.Infer<typeof Settings>, contract: Contract) {
    const metrics: MetricStream = {
      scope: 'route_calls',
      instruments: [
        {
          name: 'route.calls',
          kind: 'sum',
          unit: '{call}',
          description: 'Calls by route.',
        },
        {
          name: 'route.duration',
          kind: { bounds: given.buckets_ms },
          unit: 'ms',
          description: 'Duration of calls by route.',
        },
      ],
      flushIntervalNs: 15_000_000_000n,
      totalLimit: 100_000,
    };
    return { plugin: new RouteCalls(contract), metrics };
  }

  /** Finds the series of each span by numbers, which stand for texts within this batch. */
  process(batch: Batch, emission: Emission): void {
    this.numbers.start(emission);
    const resources = batch.resources(Context.SPAN);
    const routes = batch.values(this.route).textIndices();
    const kinds = batch.narrow(this.kind);
    const codes = batch.narrow(this.code);
    const texts = batch.texts.length + 1;
    // The series that this batch has had so far.
    const known = new Map<number, number>();
    const told = new Map<number, [Attribute[], string]>();
    const series = new Uint32Array(routes.length);
    for (let row = 0; row < series.length; row++) {
      const route = routes[row];
      const kind = kinds[row] < KINDS.length ? kinds[row] : 0;
      const code = codes[row] < CODES.length ? codes[row] : 0;
      const place = ((resources[row] * texts + (route === ABSENT_INDEX ? texts - 1 : route)) * 6 + kind) * 3 + code;
      let number = known.get(place);
      if (number === undefined) {
        let resource = told.get(resources[row]);
        if (resource === undefined) told.set(resources[row], (resource = this.tell(batch, resources[row])));
        number = this.number(batch, emission, resource, route, KINDS[kind], CODES[code]);
        known.set(place, number);
      }
      series[row] = number;
    }
    emission.record(0, series);
    emission.record(1, series, {
      values: milliseconds(batch.wide(this.start), batch.wide(this.end)),
    });
  }

  /** The number of a series, which is named if it is new. */
  number(
    batch: Batch,
    emission: Emission,
    [entries, tellsApart]: [Attribute[], string],
    route: number,
    kind: string,
    code: string,
  ): number {
    const text = route === ABSENT_INDEX ? undefined : batch.texts.get(route);
    const key = JSON.stringify([tellsApart, text, kind, code]);
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    const routes: Attribute[] = text === undefined ? [] : [['http.route', Cell.text(route)]];
    emission.series(entries, [...routes, ['span.kind', `SPAN_KIND_${kind}`], ['status.code', `STATUS_CODE_${code}`]]);
    return this.numbers.add(key);
  }

  /** A resource's attributes, and what tells them apart in any batch. */
  tell(batch: Batch, row: number): [Attribute[], string] {
    const lists = batch.attributes(this.resource);
    const entries: Attribute[] = [];
    const parts = [];
    for (let entry = lists.start(row); entry < lists.end(row); entry++) {
      const cell = lists.cell(entry);
      entries.push([lists.keys[entry], cell]);
      const isText = cell.kind === 1 || (cell.kind >= 5 && cell.kind <= 7);
      const what = isText ? Array.from(batch.texts.bytes(Number(cell.bits))) : cell.bits.toString();
      parts.push([lists.key(entry), cell.kind, what]);
    }
    return [entries, JSON.stringify(parts)];
  }
}

export const connector = exportConnector(RouteCalls);
export const about = exportAbout({
  name: 'route_calls',
  version: '0.1.0',
  summary: 'Counts the calls of each route, and how long they took',
  settings: Settings,
});
