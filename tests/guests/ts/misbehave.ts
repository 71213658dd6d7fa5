/** A processor that misbehaves two calls deep, as its settings say: a host's log must name this file and the line. */

import { exportProcessor, settings } from './spanmill_sdk/index.js';
import type { Contract } from './spanmill_sdk/index.js';

type How = 'throw' | 'loop' | 'leak';

const Settings = settings.object({
  how: settings.oneOf<How>('throw', 'loop', 'leak'),
});

class Misbehave {
  static settings = Settings;
  readonly how: How;

  constructor(how: How) {
    this.how = how;
  }

  static configure({ how }: settings.Infer<typeof Settings>, contract: Contract): Misbehave {
    contract.readText('span.name');
    return new Misbehave(how);
  }

  process(): void {
    prepare(this.how);
  }
}

function prepare(how: How): void {
  misbehave(how);
}

function misbehave(how: How): never {
  const kept: Uint8Array[] = [];
  while (how === 'loop');
  while (how === 'leak') kept.push(new Uint8Array(1 << 20).fill(1));
  throw new Error('misbehaving as asked');
}

export const processor = exportProcessor(Misbehave);
