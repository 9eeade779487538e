// CommonJS: require in all its forms.
// args: one two
const path = require('path');
console.log(typeof exports, module.id, path.basename(__filename), path.basename(__dirname), require.main === module, module.loaded, this === exports);
console.log(process.argv.slice(2), path.basename(process.argv[1]));
const lib = require('./support/lib.cjs');
console.log(lib, require('./support/lib.cjs') === lib, Object.keys(require.cache).length);
console.log(require('./support/data.json'), require('./support/data') === require('./support/data.json'), require('pkg'), require('@scope/pkg'), require('dual'));
console.log(require.resolve('pkg') === path.join(__dirname, 'node_modules/pkg/main.cjs'), require.resolve('fs'), module.paths[0] === path.join(__dirname, 'node_modules'));
console.log(require('./support/cycle-a.cjs'));
for (const bad of ['./missing', 'no-such', 'pkg/hidden', './support/throws.cjs', './support/syntax.cjs', '', 5]) {
  try { require(bad); } catch (error) { console.log(bad, error.name, error.code, error.message.split('\n')[0].replaceAll(__dirname, 'DIR')); }
}
try { require('./missing'); } catch (error) { console.log(error.requireStack.length, error.message.split('\n').length); }
console.log(require('node:module').builtinModules.includes('fs'), require('module').isBuiltin('node:path'), require('module').createRequire(__filename)('./support/lib.cjs') === lib);
console.log(require('./support/lib.mjs').named, require('./support/sniffed.js').default);
console.log(require('./support/hashbang.cjs'), (() => { try { return undeclared; } catch (e) { return e.name; } })());
(async () => { const m = await import('./support/lib.mjs'); console.log(m.default, (await import('pkg')).default); })();
implicitGlobal = 5;
console.log(implicitGlobal, delete globalThis.implicitGlobal, (function () { return this === globalThis; })());
module.exports = 'main';
