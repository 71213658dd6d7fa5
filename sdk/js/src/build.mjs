#!/usr/bin/env node
/** Builds a plugin's component: `node spanmill_sdk/build.mjs drop_routes.js --world drop-routes --output build/drop_routes.wasm`. */

import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { leanGlue } from './glue.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { world: { type: 'string' }, wit: { type: 'string', default: 'wit' }, output: { type: 'string' } },
});
const [source] = positionals;
if (!source || !values.world || !values.output) {
  console.error('usage: build.mjs SOURCE --world WORLD --output FILE [--wit FOLDER]');
  process.exit(1);
}
const tool = import.meta.resolve('@bytecodealliance/componentize-js');
const { componentize } = await import(tool);
const { splicer } = await import(new URL('../lib/spidermonkey-embedding-splicer.js', tool).href);
const splice = splicer.spliceBindings;
splicer.spliceBindings = (...given) => {
  const spliced = splice(...given);
  return { ...spliced, jsBindings: leanGlue(spliced.jsBindings) };
};

// What goes into the component is put together here: the plugin's modules and the SDK, with the host's calls in it.
const folder = resolve(dirname(values.output), 'source');
await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
const sdk = import.meta.dirname;
await cp(sdk, join(folder, relative('.', sdk)), {
  recursive: true,
  filter: (path) => !/\.d\.ts$|testing$|\.mjs$/.test(path),
});
const guest = join(folder, relative('.', sdk));
await cp(join(guest, 'host.guest.js'), join(guest, 'host.js'));
for (const name of await readdir('.')) {
  if (/\.test\.[jt]s$|\.d\.ts$|config\.[jt]s$/.test(name)) continue;
  if (name.endsWith('.js')) await cp(name, join(folder, name));
  if (name.endsWith('.ts')) await writeFile(join(folder, name), await withoutTypes(name));
}

/** JavaScript with each token where it was in the TypeScript, so that stack traces name the right line and column. */
async function withoutTypes(name) {
  const { default: blank } = await import('ts-blank-space');
  return blank(await readFile(name, 'utf8'), (node) => {
    console.error(`${name}: enums, namespaces and parameter properties have no JavaScript; write what they mean`);
    console.error(node.getText());
    process.exit(1);
  });
}

const [wit, output] = [resolve(values.wit), resolve(values.output)];
// Paths in stack traces are relative to the current folder.
process.chdir(folder);
const { component } = await componentize({
  sourcePath: join(folder, source),
  witPath: wit,
  worldName: values.world,
  // Errors print their stack to stderr, so stdio stays; the rest is neither needed nor granted.
  disableFeatures: ['http', 'fetch-event', 'random', 'clocks'],
});
await writeFile(output, component);
