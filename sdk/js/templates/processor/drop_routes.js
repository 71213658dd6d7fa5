/** Drops the spans of some routes. */

import { Context, exportAbout, exportProcessor, settings } from './spanmill_sdk/index.js';

/** @import { Batch, CellField, Contract, Outcome } from './spanmill_sdk/index.js' */

const Settings = settings.object({
  routes: settings.list(settings.text((route) => (route === '' ? 'must not be empty; take the line out' : undefined))),
});

/** The plugin. */
export class DropRoutes {
  static settings = Settings;

  /** @param {Set<string>} routes @param {CellField} route */
  constructor(routes, route) {
    this.routes = routes;
    this.route = route;
  }

  /** Declares the one field it reads. @param {settings.Infer<typeof Settings>} given @param {Contract} contract */
  static configure(given, contract) {
    return new DropRoutes(new Set(given.routes), contract.readAttribute(Context.SPAN, 'http.route'));
  }

  /** Asks once for each distinct route whether it is among those to drop. @param {Batch} batch @param {Outcome} outcome */
  process(batch, outcome) {
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
