/** A processor that misbehaves two calls deep, as its settings say: a host's log must name this file and the line. */

import { exportProcessor, settings } from './spanmill_sdk/index.js';

class Misbehave {
  static settings = settings.object({
    how: settings.oneOf('throw', 'loop', 'leak'),
  });

  constructor(how) {
    this.how = how;
  }

  static configure({ how }, contract) {
    contract.readText('span.name');
    return new Misbehave(how);
  }

  process() {
    prepare(this.how);
  }
}

function prepare(how) {
  misbehave(how);
}

function misbehave(how) {
  const kept = [];
  while (how === 'loop');
  while (how === 'leak') kept.push(new Uint8Array(1 << 20).fill(1));
  throw new Error('misbehaving as asked');
}

export const processor = exportProcessor(Misbehave);
