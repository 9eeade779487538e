// `console`: what every program uses. The rest is in `console_more.js`.
'use strict';

let indentation = '';
let withColors;

/** Whether what goes to this stream is read by a person. */
function colorsFor(toStderr) {
  withColors ??= process.env.NO_COLOR ? [false, false] : [process.stdout.isTTY === true, process.stderr.isTTY === true];
  return withColors[toStderr ? 1 : 0];
}

function print(toStderr, values) {
  let text;
  // The common case needs no inspection, and so never loads it.
  if (values.length === 1 && typeof values[0] === 'string') text = values[0];
  else text = require('internal/inspect').formatWithOptions({ colors: colorsFor(toStderr) }, ...values);
  if (indentation !== '') text = indentation + text.replaceAll('\n', `\n${indentation}`);
  native.write(toStderr, `${text.isWellFormed() ? text : text.toWellFormed()}\n`);
}

const console = {
  log(...values) { print(false, values); },
  info(...values) { print(false, values); },
  debug(...values) { print(false, values); },
  warn(...values) { print(true, values); },
  error(...values) { print(true, values); },
  group(...values) {
    if (values.length > 0) print(false, values);
    indentation += '  ';
  },
  groupEnd() { indentation = indentation.slice(0, -2); },
};

for (const name of ['dir', 'dirxml', 'trace', 'assert', 'clear', 'count', 'countReset', 'groupCollapsed', 'time', 'timeEnd', 'timeLog', 'table']) {
  const method = (...values) => require('web/console_more')[name](...values);
  Object.defineProperty(method, 'name', { value: name });
  console[name] = method;
}

Object.defineProperty(console, Symbol.toStringTag, { value: 'console', configurable: true });
Object.assign(exports, { console, print, colorsFor });
