/** Drops the spans of some routes. */

import { Context, exportAbout, exportProcessor, settings } from './spanmill_sdk/index.js';
import type { Batch, CellField, Contract, Outcome } from './spanmill_sdk/index.js';

const Settings = settings.object({
  routes: settings.list(settings.text((route) => (route === '' ? 'must not be empty; take the line out' : undefined))),
});

/** The plugin. */
export class DropRoutes {
  static settings = Settings;
  readonly routes: Set<string>;
  readonly route: CellField;

  constructor(routes: Set<string>, route: CellField) {
    this.routes = routes;
    this.route = route;
  }

  /** Declares the one field it reads. */
  static configure(given: settings.Infer<typeof Settings>, contract: Contract): DropRoutes {
    return new DropRoutes(new Set(given.routes), contract.readAttribute(Context.SPAN, 'http.route'));
  }

  /** Asks once for each distinct route whether it is among those to drop. */
  process(batch: Batch, outcome: Outcome): void {
    outcome.dropRows(
      Context.SPAN,
      batch.values(this.route).answers((route) => this.routes.has(route)),
    );
  }
}

export const processor = exportProcessor(DropRoutes);
export const about = exportAbout({
  name: 'drop_routes',
  version: '0.1.0',
  summary: 'Drops the spans of some routes',
  settings: Settings,
});
