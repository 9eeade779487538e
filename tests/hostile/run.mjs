// Compiles one of the hostile modules, instantiates it, and calls what it exports; says how large it is, how that ended, and by how many kilobytes the
// process's peak memory grew.
//
//   chalcid tests/hostile/run.mjs small           the names of the small modules
//   chalcid tests/hostile/run.mjs all             those of the large ones too
//   chalcid tests/hostile/run.mjs NAME            runs one
//   chalcid tests/hostile/run.mjs NAME --make     makes its bytes, and does nothing with them

import { readFileSync } from 'node:fs';
import { large, small } from './modules.mjs';

const peak = () => Number(readFileSync('/proc/self/status', 'utf8').match(/VmHWM:\s*(\d+)/)[1]);

const modules = { ...small, ...large };
const [name, only] = process.argv.slice(2);
if (name === 'small' || name === 'all') {
  console.log(Object.keys(name === 'small' ? small : modules).join('\n'));
} else {
  const bytes = modules[name]();
  console.log(bytes.length);
  if (only !== '--make') {
    const before = peak();
    try {
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
      for (const key of Object.keys(exports)) if (typeof exports[key] === 'function') exports[key]();
      console.log('ran');
    } catch (error) {
      console.log(`${error.name}: ${error.message.slice(0, 100)}`);
    }
    console.log(peak() - before);
  }
}
