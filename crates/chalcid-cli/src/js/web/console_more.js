// The rarer methods of `console`.
'use strict';

const { inspect, format, width } = require('internal/inspect');
const { console, print, colorsFor } = require('web/console');

const counts = new Map();
const timers = new Map();

function took(label, method) {
  const started = timers.get(label);
  if (started === undefined) {
    process.emitWarning(`No such label '${label}' for console.${method}()`);
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
  const widths = head.map((cell, column) => Math.max(width(cell), ...rows.map((row) => width(row[column] ?? ''))) + 2);
  const line = (left, middle, right) => left + widths.map((size) => '─'.repeat(size)).join(middle) + right;
  const row = (cells) => `│${widths.map((size, column) => {
    const cell = cells[column] ?? '';
    return ` ${cell}${' '.repeat(size - width(cell) - 1)}`;
  }).join('│')}│`;
  return [line('┌', '┬', '┐'), row(head), line('├', '┼', '┤'), ...rows.map(row), line('└', '┴', '┘')].join('\n');
}

module.exports = {
  dir(value, options) {
    print(false, [inspect(value, { customInspect: false, colors: colorsFor(false), ...options })]);
  },
  dirxml(...values) { print(false, values); },
  trace(...values) {
    const at = new Error().stack.split('\n').slice(1).join('\n').replace(/\n+$/, '');
    const text = format(...values);
    print(true, [`Trace${text === '' ? '' : `: ${text}`}\n${at}`]);
  },
  assert(condition, ...values) {
    if (condition) return;
    print(true, [`Assertion failed${values.length === 0 ? '' : `: ${values[0]}`}`, ...values.slice(1)]);
  },
  clear() {
    if (process.stdout.isTTY) process.stdout.write('\x1b[1;1H\x1b[0J');
  },
  count(label = 'default') {
    label = `${label}`;
    const count = (counts.get(label) ?? 0) + 1;
    counts.set(label, count);
    print(false, [`${label}: ${count}`]);
  },
  countReset(label = 'default') { counts.delete(`${label}`); },
  groupCollapsed(...values) { console.group(...values); },
  time(label = 'default') {
    label = `${label}`;
    if (timers.has(label)) process.emitWarning(`Label '${label}' already exists for console.time()`);
    else timers.set(label, performance.now());
  },
  timeEnd(label = 'default') {
    label = `${label}`;
    const text = took(label, 'timeEnd');
    if (text !== undefined) print(false, [`${label}: ${text}`]);
    timers.delete(label);
  },
  timeLog(label = 'default', ...values) {
    label = `${label}`;
    const text = took(label, 'timeLog');
    if (text !== undefined) print(false, [`${label}: ${text}`, ...values]);
  },
  table(data, columns) {
    if (data === null || typeof data !== 'object') return print(false, [data]);
    const show = (value) => inspect(value, { maxArrayLength: 3, breakLength: Infinity, depth: value !== null && typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length > 2 ? -1 : 0 });
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
