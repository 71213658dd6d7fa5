/** Imports of the SDK by its package's name. Inside a component there is no `node_modules`: modules are found by relative paths. */

/**
 * A module with imports of `@spanmill/sdk` made relative. Lines stay where they are.
 * @param {string} source @param {string} place Where the SDK is, relative to the module.
 */
export function withRelativeSdk(source, place) {
  return source.replace(/(\b(?:from|import)\s*)(['"])@spanmill\/sdk\2/g, `$1$2./${place}/index.js$2`);
}
