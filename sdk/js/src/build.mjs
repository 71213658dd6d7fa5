#!/usr/bin/env node
/** Builds a plugin's component: `node spanmill_sdk/build.mjs drop_routes.js --world drop-routes --output build/drop_routes.wasm`. */

import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import { leanGlue } from './glue.mjs';
import { withRelativeSdk } from './specifiers.mjs';
import { syntaxErrors } from './syntax.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { world: { type: 'string' }, wit: { type: 'string', default: 'wit' }, output: { type: 'string' } },
});
const [source] = positionals;
if (!source || !values.world || !values.output) {
  console.error('usage: build.mjs SOURCE --world WORLD --output FILE [--wit FOLDER]');
  process.exit(1);
}
const tool = packageFile('@bytecodealliance/componentize-js', 'src/componentize.js');
const { componentize } = await import(tool);
const parser = createRequire(tool)('oxc-parser');
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
// A copy beside the plugin keeps its place, so that relative imports find it; an SDK elsewhere is the package `@spanmill/sdk`.
const beside = relative('.', sdk);
const place = beside.startsWith('..') ? 'node_modules/@spanmill/sdk/src' : beside;
const guest = join(folder, place);
await cp(sdk, guest, {
  recursive: true,
  filter: (path) => !/\.d\.ts$|testing$|\.mjs$|\.md$/.test(path),
});
await cp(join(guest, 'host.guest.js'), join(guest, 'host.js'));
for (const name of await readdir('.')) {
  if (/\.test\.[jt]s$|\.d\.ts$|config\.[jt]s$/.test(name)) continue;
  if (!/\.[jt]s$/.test(name)) continue;
  const written = await readFile(name, 'utf8');
  const wrong = syntaxErrors(parser, name, written);
  if (wrong !== undefined) fail(wrong);
  const source = name.endsWith('.ts') ? await withoutTypes(name, written) : written;
  await writeFile(join(folder, name), withRelativeSdk(source, place));
}

/** The URL of a file of a package that the plugin's folder has installed. The SDK may be a link to somewhere else. */
function packageFile(name, path) {
  const folders = createRequire(resolve('package.json')).resolve.paths(name);
  const found = folders.map((folder) => join(folder, name, path)).find(existsSync);
  if (found === undefined) fail(`${name} is not installed; npm install --save-dev ${name}`);
  return pathToFileURL(found).href;
}

/** JavaScript with each token where it was in the TypeScript, so that stack traces name the right line and column. */
async function withoutTypes(name, source) {
  const { default: blank } = await import(packageFile('ts-blank-space', 'out/index.js'));
  return blank(source, (node) => {
    const start = node.pos + source.slice(node.pos).match(/^(\s|\/\/.*|\/\*[^]*?\*\/)*/)[0].length;
    const line = source.slice(0, start).split('\n').length;
    const why = 'enums, namespaces and parameter properties have no JavaScript; write what they mean';
    fail(`${name}:${line}: ${why}\n${source.slice(start, node.end)}`);
  });
}

/** Ends the build. No stack: it would name this script and its packages alone. */
function fail(why) {
  console.error(why);
  process.exit(1);
}

const [wit, output] = [resolve(values.wit), resolve(values.output)];
// Paths in stack traces are relative to the current folder.
process.chdir(folder);
const made = componentize({
  sourcePath: join(folder, source),
  witPath: wit,
  worldName: values.world,
  // Errors print their stack to stderr, so stdio stays; the rest is neither needed nor granted.
  disableFeatures: ['http', 'fetch-event', 'random', 'clocks'],
});
const { component } = await made.catch((error) => fail(error.message));
await writeFile(output, component);
