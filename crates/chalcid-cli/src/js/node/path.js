// `path`, for POSIX: https://nodejs.org/api/path.html
'use strict';

function check(value, name) {
  if (typeof value === 'string') return;
  const error = new TypeError(`The "${name}" argument must be of type string. Received ${value === null ? 'null' : typeof value}`);
  error.code = 'ERR_INVALID_ARG_TYPE';
  throw error;
}

/** Resolves `.` and `..` among segments; those that climb above the start stay if `climbs`. */
function collapse(text, climbs) {
  const kept = [];
  for (const segment of text.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment !== '..') kept.push(segment);
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else if (climbs) kept.push('..');
  }
  return kept.join('/');
}

function normalize(path) {
  check(path, 'path');
  if (path === '') return '.';
  const absolute = path.startsWith('/');
  let result = collapse(path, !absolute);
  if (result === '' && !absolute) result = '.';
  if (result !== '' && path.endsWith('/')) result += '/';
  return absolute ? `/${result}` : result;
}

function isAbsolute(path) {
  check(path, 'path');
  return path.startsWith('/');
}

function join(...parts) {
  for (const part of parts) check(part, 'path');
  const joined = parts.filter((part) => part !== '').join('/');
  return joined === '' ? '.' : normalize(joined);
}

function resolve(...parts) {
  let joined = '';
  for (let index = parts.length - 1; index >= -1 && !joined.startsWith('/'); index--) {
    const part = index >= 0 ? parts[index] : process.cwd();
    check(part, `paths[${index}]`);
    if (part !== '') joined = joined === '' ? part : `${part}/${joined}`;
  }
  return `/${collapse(joined, false)}`;
}

function relative(from, to) {
  check(from, 'from');
  check(to, 'to');
  if (from === to) return '';
  const source = resolve(from).split('/').filter(Boolean);
  const target = resolve(to).split('/').filter(Boolean);
  let common = 0;
  while (common < source.length && common < target.length && source[common] === target[common]) common++;
  return [...source.slice(common).map(() => '..'), ...target.slice(common)].join('/');
}

function dirname(path) {
  check(path, 'path');
  if (path === '') return '.';
  const trimmed = path.replace(/\/+$/, '');
  if (trimmed === '') return '/';
  const slash = trimmed.lastIndexOf('/');
  if (slash === -1) return '.';
  if (slash === 0) return '/';
  return slash === 1 && path.startsWith('/') ? '//' : trimmed.slice(0, slash);
}

function basename(path, suffix) {
  check(path, 'path');
  if (suffix !== undefined) check(suffix, 'suffix');
  if (suffix === path) return '';
  const trimmed = path.replace(/\/+$/, '');
  const name = trimmed.slice(trimmed.lastIndexOf('/') + 1);
  return suffix !== undefined && name !== suffix && name.endsWith(suffix) ? name.slice(0, name.length - suffix.length) : name;
}

function extname(path) {
  const name = basename(path);
  const dot = name.lastIndexOf('.');
  // A leading dot begins a hidden file's name; a name of dots alone has no extension.
  return dot <= 0 || name === '..' ? '' : name.slice(dot);
}

function parse(path) {
  check(path, 'path');
  const root = path.startsWith('/') ? '/' : '';
  const base = basename(path);
  const ext = extname(path);
  const trimmed = path.replace(/\/+$/, '');
  const slash = trimmed.lastIndexOf('/');
  const dir = slash === -1 ? root : slash === 0 ? '/' : trimmed.slice(0, slash);
  return { root, dir: path === '' ? '' : dir, base, ext, name: ext === '' ? base : base.slice(0, -ext.length) };
}

function format(parts) {
  if (parts === null || typeof parts !== 'object') {
    const error = new TypeError('The "pathObject" argument must be of type object');
    error.code = 'ERR_INVALID_ARG_TYPE';
    throw error;
  }
  const dir = parts.dir || parts.root;
  const ext = parts.ext ? `${parts.ext.startsWith('.') ? '' : '.'}${parts.ext}` : '';
  const base = parts.base || `${parts.name || ''}${ext}`;
  if (!dir) return base;
  return dir === parts.root ? `${dir}${base}` : `${dir}/${base}`;
}

const path = {
  sep: '/', delimiter: ':', resolve, normalize, isAbsolute, join, relative, dirname, basename, extname, parse, format,
  toNamespacedPath: (name) => name,
};
path.posix = path;
module.exports = path;
