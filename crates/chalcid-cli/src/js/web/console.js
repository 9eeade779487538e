// `console`.
'use strict';

const inspector = () => require('internal/inspect');

let indentation = '';
const counts = new Map();
const timers = new Map();
let withColors;

/** Whether what goes to this stream is read by a person. */
function colorsFor(toStderr) {
  withColors ??= [require('process').stdout, require('process').stderr].map((stream) => stream.isTTY === true && !process.env.NO_COLOR);
  return withColors[toStderr ? 1 : 0];
}

function print(toStderr, values) {
  let text;
  // The common case needs no inspection, and so never loads it.
  if (values.length === 1 && typeof values[0] === 'string') text = values[0];
  else if (values.every((value) => typeof value === 'string') && !values[0]?.includes('%')) text = values.join(' ');
  else text = inspector().formatWithOptions({ colors: colorsFor(toStderr) }, ...values);
  if (indentation !== '') text = indentation + text.replaceAll('\n', `\n${indentation}`);
  native.write(toStderr, `${text.isWellFormed() ? text : text.toWellFormed()}\n`);
}

function took(label) {
  const started = timers.get(label);
  if (started === undefined) {
    console.warn(`Warning: No such label '${label}' for console.timeLog()`);
    return undefined;
  }
  const milliseconds = performance.now() - started;
  if (milliseconds >= 60000) {
    const minutes = Math.floor(milliseconds / 60000);
    return `${minutes}:${((milliseconds - minutes * 60000) / 1000).toFixed(3).padStart(6, '0')} (m:ss.mmm)`;
  }
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(3)}s`;
  return `${Number(milliseconds.toFixed(3))}ms`;
}

/** Draws a table of lines. */
function table(head, rows) {
  const { width } = inspector();
  const widths = head.map((cell, column) => Math.max(width(cell), ...rows.map((row) => width(row[column] ?? ''))) + 2);
  const line = (left, middle, right) => left + widths.map((size) => '─'.repeat(size)).join(middle) + right;
  const row = (cells) => `│${widths.map((size, column) => {
    const cell = cells[column] ?? '';
    const space = size - width(cell);
    const before = Math.floor(space / 2);
    return ' '.repeat(before) + cell + ' '.repeat(space - before);
  }).join('│')}│`;
  return [line('┌', '┬', '┐'), row(head), line('├', '┼', '┤'), ...rows.map(row), line('└', '┴', '┘')].join('\n');
}

const console = {
  log(...values) { print(false, values); },
  info(...values) { print(false, values); },
  debug(...values) { print(false, values); },
  warn(...values) { print(true, values); },
  error(...values) { print(true, values); },
  dir(value, options) {
    print(false, [inspector().inspect(value, { customInspect: false, colors: colorsFor(false), ...options })]);
  },
  dirxml(...values) { print(false, values); },
  trace(...values) {
    const at = new Error().stack.split('\n').slice(1).join('\n').replace(/\n+$/, '');
    const text = inspector().format(...values);
    print(true, [`Trace${text === '' ? '' : `: ${text}`}\n${at}`]);
  },
  assert(condition, ...values) {
    if (condition) return;
    if (typeof values[0] === 'string') values[0] = `Assertion failed: ${values[0]}`;
    else values.unshift(values.length === 0 ? 'Assertion failed' : 'Assertion failed:');
    print(true, values);
  },
  count(label = 'default') {
    label = `${label}`;
    const count = (counts.get(label) ?? 0) + 1;
    counts.set(label, count);
    print(false, [`${label}: ${count}`]);
  },
  countReset(label = 'default') { counts.delete(`${label}`); },
  group(...values) {
    if (values.length > 0) print(false, values);
    indentation += '  ';
  },
  groupCollapsed(...values) { console.group(...values); },
  groupEnd() { indentation = indentation.slice(0, -2); },
  time(label = 'default') {
    label = `${label}`;
    if (timers.has(label)) console.warn(`Warning: Label '${label}' already exists for console.time()`);
    else timers.set(label, performance.now());
  },
  timeEnd(label = 'default') {
    label = `${label}`;
    const text = took(label);
    if (text !== undefined) print(false, [`${label}: ${text}`]);
    timers.delete(label);
  },
  timeLog(label = 'default', ...values) {
    label = `${label}`;
    const text = took(label);
    if (text !== undefined) print(false, [`${label}: ${text}`, ...values]);
  },
  table(data, columns) {
    if (data === null || typeof data !== 'object') return print(false, [data]);
    const show = (value) => inspector().inspect(value, { maxArrayLength: 3, breakLength: Infinity, depth: value !== null && typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length > 2 ? -1 : 0 });
    const entries = data instanceof Map ? [...data].map(([key, value], index) => [String(index), { Key: key, Values: value }])
      : data instanceof Set ? [...data].map((value, index) => [String(index), value]) : Object.entries(data);
    const keys = columns ? [...columns] : [];
    let primitives = false;
    const rows = entries.map(([index, value]) => {
      const cells = new Map();
      if (value !== null && typeof value === 'object') {
        for (const key of columns ?? Object.keys(value)) {
          if (!keys.includes(key)) keys.push(key);
          if (Object.hasOwn(value, key)) cells.set(key, show(value[key]));
        }
        return { index, cells };
      }
      primitives = true;
      return { index, cells, value: show(value) };
    });
    const head = [data instanceof Map || data instanceof Set ? '(iteration index)' : '(index)', ...keys, ...(primitives ? ['Values'] : [])];
    print(false, [table(head, rows.map(({ index, cells, value }) => [
      index, ...keys.map((key) => cells.get(key) ?? ''), ...(primitives ? [value ?? ''] : []),
    ]))]);
  },
};

Object.defineProperty(console, Symbol.toStringTag, { value: 'console', configurable: true });
exports.console = console;
