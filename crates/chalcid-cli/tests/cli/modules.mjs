// ES modules: imports of every kind, import.meta, dynamic import.
import def, { named, counter, increment } from './support/lib.mjs';
import * as ns from './support/lib.mjs';
import cjs, { alpha, beta as b2 } from './support/lib.cjs';
import * as reexports from './support/reexports.cjs';
import data from './support/data.json' with { type: 'json' };
import fs, { readFileSync } from 'fs';
import { default as fs2 } from 'node:fs';
import pkg, { sub } from 'pkg';
import { deep } from 'pkg/deep';
import { internal } from '#internal';
import scoped from '@scope/pkg';
import dual from 'dual';
import typed from './support/typed/plain.js';
import sniffed from './support/sniffed.js';
console.log(def, named, counter, ns);
increment();
console.log(counter, ns.counter, Object.prototype.toString.call(ns));
console.log(cjs, alpha, b2, reexports.alpha, reexports.extra, Object.keys(reexports));
console.log(data, fs === fs2, typeof readFileSync, pkg, sub, deep, internal, scoped, dual, typed, sniffed);
console.log(import.meta.url.endsWith('/modules.mjs'), import.meta.filename.endsWith('/modules.mjs'), import.meta.dirname.endsWith('/cli'), import.meta.resolve('./x.mjs').endsWith('/cli/x.mjs') );
const dynamic = await import('./support/lib.mjs');
console.log(dynamic === ns, (await import('./support/lib.mjs?query')).counter, (await import('./support/lib.cjs')).default === cjs, (await import('data:text/javascript,export default 5')).default);
for (const bad of ['./missing.mjs', 'no-such-package', 'pkg/hidden', './support/throws.mjs', './support/syntax.mjs', 'node:nothing', './support', 'http://x/y.mjs', './support/unknown.ext', './support/bad.json', './support/noexport.mjs', './support/lib']) {
  await import(bad).then(() => console.log(bad, 'loaded'), (error) => console.log(bad, error.name, error.code, error.message.split('\n')[0].replaceAll(import.meta.dirname, 'DIR').slice(0, 150)));
}
console.log(typeof require, typeof module, this);
