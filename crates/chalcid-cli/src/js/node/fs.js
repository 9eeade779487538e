// `fs`: https://nodejs.org/api/fs.html
//
// Every operation is described once, by how its arguments become those of the native operation and how its reply becomes a
// value; the three faces of the module (synchronous, with callbacks, with promises) are made from that.
'use strict';

const { Buffer } = require('buffer');

const constants = Object.freeze({
  F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1, COPYFILE_EXCL: 1, COPYFILE_FICLONE: 2, COPYFILE_FICLONE_FORCE: 4, O_RDONLY: 0,
  O_WRONLY: 1, O_RDWR: 2, O_CREAT: 0o100, O_EXCL: 0o200, O_NOCTTY: 0o400, O_TRUNC: 0o1000, O_APPEND: 0o2000,
  O_NONBLOCK: 0o4000, O_DSYNC: 0o10000, O_SYNC: 0o4010000, O_DIRECTORY: 0o200000, O_NOFOLLOW: 0o400000, S_IFMT: 0o170000,
  S_IFREG: 0o100000, S_IFDIR: 0o040000, S_IFCHR: 0o020000, S_IFBLK: 0o060000, S_IFIFO: 0o010000, S_IFLNK: 0o120000,
  S_IFSOCK: 0o140000, S_IRWXU: 0o700, S_IRUSR: 0o400, S_IWUSR: 0o200, S_IXUSR: 0o100, S_IRWXG: 0o070, S_IRGRP: 0o040,
  S_IWGRP: 0o020, S_IXGRP: 0o010, S_IRWXO: 0o007, S_IROTH: 0o004, S_IWOTH: 0o002, S_IXOTH: 0o001,
});

// ── Arguments ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

function codedError(Type, message, code) {
  const error = new Type(message);
  error.code = code;
  return error;
}

function received(value) {
  if (value === null || value === undefined) return `Received ${value}`;
  if (typeof value === 'object') return `Received an instance of ${value.constructor?.name ?? 'Object'}`;
  if (typeof value === 'function') return `Received function ${value.name}`;
  return `Received type ${typeof value} (${typeof value === 'string' ? `'${value}'` : String(value)})`;
}

function asPath(path, name = 'path') {
  if (path instanceof URL) return require('url').fileURLToPath(path);
  if (path instanceof Uint8Array) path = Buffer.from(path).toString();
  if (typeof path !== 'string') {
    throw codedError(TypeError, `The "${name}" argument must be of type string or an instance of Buffer or URL. ${received(path)}`, 'ERR_INVALID_ARG_TYPE');
  }
  if (path.includes('\0')) {
    throw codedError(TypeError, `The argument '${name}' must be a string, Uint8Array, or URL without null bytes. Received '${path.replaceAll('\0', '\\x00')}'`, 'ERR_INVALID_ARG_VALUE');
  }
  return path.toWellFormed();
}

function asFd(fd) {
  if (typeof fd !== 'number') throw codedError(TypeError, `The "fd" argument must be of type number. ${received(fd)}`, 'ERR_INVALID_ARG_TYPE');
  if (!Number.isInteger(fd) || fd < 0 || fd > 2 ** 31 - 1) {
    throw codedError(RangeError, `The value of "fd" is out of range. It must be >= 0 && <= 2147483647. Received ${fd}`, 'ERR_OUT_OF_RANGE');
  }
  return fd;
}

function asMode(mode, otherwise) {
  if (mode === undefined || mode === null) return otherwise;
  if (typeof mode === 'string' && /^[0-7]+$/.test(mode)) return Number.parseInt(mode, 8);
  if (Number.isInteger(mode) && mode >= 0 && mode <= 0xffffffff) return mode;
  throw codedError(TypeError, `The argument 'mode' must be a 32-bit unsigned integer or an octal string. ${received(mode)}`, 'ERR_INVALID_ARG_VALUE');
}

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND, O_EXCL, O_SYNC } = constants;
const flagNames = {
  r: O_RDONLY, rs: O_RDONLY | O_SYNC, 'r+': O_RDWR, 'rs+': O_RDWR | O_SYNC, w: O_TRUNC | O_CREAT | O_WRONLY,
  wx: O_TRUNC | O_CREAT | O_WRONLY | O_EXCL, 'w+': O_TRUNC | O_CREAT | O_RDWR, 'wx+': O_TRUNC | O_CREAT | O_RDWR | O_EXCL,
  a: O_APPEND | O_CREAT | O_WRONLY, ax: O_APPEND | O_CREAT | O_WRONLY | O_EXCL, as: O_APPEND | O_CREAT | O_WRONLY | O_SYNC,
  'a+': O_APPEND | O_CREAT | O_RDWR, 'ax+': O_APPEND | O_CREAT | O_RDWR | O_EXCL, 'as+': O_APPEND | O_CREAT | O_RDWR | O_SYNC,
};

function asFlags(flags, otherwise) {
  if (flags === undefined || flags === null) return flagNames[otherwise];
  if (typeof flags === 'number') return flags;
  const known = flagNames[flags];
  if (known === undefined) throw codedError(TypeError, `The argument 'flags' is invalid. Received '${flags}'`, 'ERR_INVALID_ARG_VALUE');
  return known;
}

/** Options that may be given as the name of an encoding alone. */
function asOptions(options) {
  if (options === undefined || options === null || typeof options === 'function') return {};
  if (typeof options === 'string') options = { encoding: options };
  if (typeof options !== 'object') throw codedError(TypeError, `The "options" argument must be of type string or an instance of Object. ${received(options)}`, 'ERR_INVALID_ARG_TYPE');
  if (options.encoding && options.encoding !== 'buffer' && !Buffer.isEncoding(options.encoding)) {
    throw codedError(TypeError, `The argument 'encoding' is invalid encoding. Received '${options.encoding}'`, 'ERR_INVALID_ARG_VALUE');
  }
  options.signal?.throwIfAborted();
  return options;
}

function asData(data, encoding) {
  if (typeof data === 'string') return Buffer.from(data, encoding ?? 'utf8');
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  throw codedError(TypeError, `The "data" argument must be of type string or an instance of Buffer, TypedArray, or DataView. ${received(data)}`, 'ERR_INVALID_ARG_TYPE');
}

const asSeconds = (time) => {
  const seconds = time instanceof Date ? time.getTime() / 1000 : Number(time);
  if (!Number.isFinite(seconds)) throw codedError(TypeError, 'The "time" argument must be an instance of Date or a number', 'ERR_INVALID_ARG_TYPE');
  return seconds;
};

const asPosition = (position) => (typeof position === 'bigint' ? Number(position) : typeof position === 'number' ? position : undefined);

// ── Replies ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const isKind = (mode, kind) => (mode & constants.S_IFMT) === kind;

class WithKind {
  isFile() { return isKind(this._mode(), constants.S_IFREG); }
  isDirectory() { return isKind(this._mode(), constants.S_IFDIR); }
  isSymbolicLink() { return isKind(this._mode(), constants.S_IFLNK); }
  isFIFO() { return isKind(this._mode(), constants.S_IFIFO); }
  isSocket() { return isKind(this._mode(), constants.S_IFSOCK); }
  isCharacterDevice() { return isKind(this._mode(), constants.S_IFCHR); }
  isBlockDevice() { return isKind(this._mode(), constants.S_IFBLK); }
}

const statFields = ['dev', 'mode', 'nlink', 'uid', 'gid', 'rdev', 'blksize', 'ino', 'size', 'blocks'];
const timeFields = ['atime', 'mtime', 'ctime', 'birthtime'];

class Stats extends WithKind {
  constructor(fields, bigint) {
    super();
    const number = bigint ? (value) => BigInt(Math.trunc(value)) : (value) => value;
    for (const [index, name] of statFields.entries()) this[name] = number(fields[index]);
    for (const [index, name] of timeFields.entries()) this[`${name}Ms`] = number(fields[10 + index]);
    if (bigint) for (const [index, name] of timeFields.entries()) this[`${name}Ns`] = BigInt(Math.round(fields[10 + index] * 1e6));
    for (const [index, name] of timeFields.entries()) this[name] = new Date(fields[10 + index]);
  }

  _mode() { return Number(this.mode); }
}
for (const type of [WithKind, Stats]) {
  for (const name of Object.getOwnPropertyNames(type.prototype)) Object.defineProperty(type.prototype, name, { enumerable: false });
}

class Dirent extends WithKind {
  #mode;

  constructor(name, parentPath, mode) {
    super();
    this.name = name;
    this.parentPath = parentPath;
    this.path = parentPath;
    this.#mode = mode;
  }

  _mode() { return this.#mode; }
}

const over = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function asContent(bytes, { encoding }) {
  const buffer = over(bytes);
  return encoding && encoding !== 'buffer' ? buffer.toString(encoding) : buffer;
}

const asName = (text, { encoding } = {}) => (text === undefined ? undefined : encoding === 'buffer' ? Buffer.from(text) : text);

// ── Operations ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const same = (reply) => reply;

/** One native call: its name and arguments, and what its reply means. */
const call = (name, values, reply = same) => ({ name, values, reply });

const operations = {
  access: (path, mode = 0) => call('access', [asPath(path), mode]),
  appendFile: (path, data, options) => {
    options = asOptions(options);
    return operations.writeFile(path, data, { flag: 'a', ...options });
  },
  chmod: (path, mode) => call('chmod', [asPath(path), asMode(mode)]),
  close: (fd) => call('close', [asFd(fd)]),
  copyFile: (from, to, mode = 0) => call('copyFile', [asPath(from, 'src'), asPath(to, 'dest'), (mode & constants.COPYFILE_EXCL) !== 0]),
  fstat: (fd, options) => call('fstat', [asFd(fd)], (fields) => new Stats(fields, options?.bigint)),
  fsync: (fd) => call('fsync', [asFd(fd)]),
  fdatasync: (fd) => call('fsync', [asFd(fd)]),
  ftruncate: (fd, length = 0) => call('ftruncate', [asFd(fd), length]),
  link: (from, to) => call('link', [asPath(from, 'existingPath'), asPath(to, 'newPath')]),
  lstat: (path, options) => call('lstat', [asPath(path)], (fields) => new Stats(fields, options?.bigint)),
  mkdir: (path, options) => {
    const { recursive = false, mode } = typeof options === 'object' && options !== null ? options : { mode: options };
    return call('mkdir', [asPath(path), Boolean(recursive), asMode(mode, 0o777)]);
  },
  mkdtemp: (prefix, options) => call('mkdtemp', [asPath(prefix, 'prefix')], (name) => asName(name, asOptions(options))),
  open: (path, flags, mode) => call('open', [asPath(path), asFlags(flags, 'r'), asMode(mode, 0o666)]),
  readdir: (path, options) => {
    options = asOptions(options);
    const directory = asPath(path);
    return call('readdir', [directory], (entries) => {
      const list = [];
      for (let index = 0; index < entries.length; index += 2) {
        list.push(options.withFileTypes ? new Dirent(entries[index], directory, entries[index + 1]) : asName(entries[index], options));
      }
      return list;
    });
  },
  readFile: (path, options) => {
    options = asOptions(options);
    const reply = (bytes) => asContent(bytes, options);
    if (Number.isInteger(path)) return call('readAll', [asFd(path)], reply);
    return call('readFile', [asPath(path)], reply);
  },
  readlink: (path, options) => call('readlink', [asPath(path)], (name) => asName(name, asOptions(options))),
  realpath: (path, options) => call('realpath', [asPath(path)], (name) => asName(name, asOptions(options))),
  rename: (from, to) => call('rename', [asPath(from, 'oldPath'), asPath(to, 'newPath')]),
  rm: (path, options) => call('rm', [asPath(path), Boolean(options?.recursive), Boolean(options?.force)]),
  rmdir: (path, options) => (options?.recursive ? operations.rm(path, { recursive: true }) : call('rmdir', [asPath(path)])),
  stat: (path, options) => call('stat', [asPath(path)], (fields) => new Stats(fields, options?.bigint)),
  symlink: (target, path) => call('symlink', [asPath(target, 'target'), asPath(path)]),
  truncate: (path, length = 0) => call('truncate', [asPath(path), length]),
  unlink: (path) => call('unlink', [asPath(path)]),
  utimes: (path, accessed, modified) => call('utimes', [asPath(path), asSeconds(accessed), asSeconds(modified)]),
  writeFile: (path, data, options) => {
    options = asOptions(options);
    const bytes = asData(data, options.encoding);
    if (Number.isInteger(path)) return call('write', [asFd(path), bytes, undefined], () => undefined);
    return call('writeFile', [asPath(path), bytes, asFlags(options.flag, 'w'), asMode(options.mode, 0o666)]);
  },
};

/** `read`'s arguments come in many shapes: the target, then positions one by one or in an object. */
function readCall(fd, buffer, offsetOrOptions, length, position) {
  let offset = offsetOrOptions;
  if (buffer !== null && typeof buffer === 'object' && !ArrayBuffer.isView(buffer)) {
    ({ buffer = Buffer.alloc(16384), offset = 0, length, position } = buffer);
  } else if (offsetOrOptions !== null && typeof offsetOrOptions === 'object') {
    ({ offset = 0, length, position } = offsetOrOptions);
  }
  if (!ArrayBuffer.isView(buffer)) throw codedError(TypeError, `The "buffer" argument must be an instance of Buffer, TypedArray, or DataView. ${received(buffer)}`, 'ERR_INVALID_ARG_TYPE');
  offset = Number(offset ?? 0);
  length = Number(length ?? buffer.byteLength - offset);
  if (!(offset >= 0 && offset <= buffer.byteLength)) throw codedError(RangeError, `The value of "offset" is out of range. It must be >= 0 && <= ${buffer.byteLength}. Received ${offset}`, 'ERR_OUT_OF_RANGE');
  if (!(length >= 0 && length <= buffer.byteLength - offset)) throw codedError(RangeError, `The value of "length" is out of range. It must be >= 0 && <= ${buffer.byteLength - offset}. Received ${length}`, 'ERR_OUT_OF_RANGE');
  return {
    ...call('read', [asFd(fd), length, asPosition(position)], (bytes) => {
      new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength).set(bytes, offset);
      return bytes.length;
    }),
    buffer,
  };
}

function writeCall(fd, data, offset, length, position) {
  let bytes;
  if (typeof data === 'string') {
    // `write(fd, string, position, encoding)`
    [position, bytes] = [offset, asData(data, typeof length === 'string' ? length : 'utf8')];
  } else {
    if (offset !== null && typeof offset === 'object') ({ offset, length, position } = offset);
    bytes = asData(data);
    offset = Number(offset ?? 0);
    length = Number(length ?? bytes.length - offset);
    if (!(offset >= 0 && offset <= bytes.length)) throw codedError(RangeError, `The value of "offset" is out of range. It must be >= 0 && <= ${bytes.length}. Received ${offset}`, 'ERR_OUT_OF_RANGE');
    if (!(length >= 0 && length <= bytes.length - offset)) throw codedError(RangeError, `The value of "length" is out of range. It must be >= 0 && <= ${bytes.length - offset}. Received ${length}`, 'ERR_OUT_OF_RANGE');
    bytes = bytes.subarray(offset, offset + length);
  }
  return call('write', [asFd(fd), bytes, asPosition(position)]);
}

// ── The three faces ────────────────────────────────────────────────────────────────────────────────────────────────────────

const now = ({ name, values, reply }) => reply(native.now(name, ...values));
const later = async ({ name, values, reply }) => reply(await native.later(name, ...values));

function asCallback(values) {
  const callback = values.pop();
  if (typeof callback !== 'function') throw codedError(TypeError, `The "cb" argument must be of type function. ${received(callback)}`, 'ERR_INVALID_ARG_TYPE');
  return callback;
}

/** Hands a promise's outcome to a callback, outside the promise, so that what the callback throws is uncaught. */
function settle(promise, callback, ...more) {
  promise.then(
    (value) => process.nextTick(callback, null, ...(value === undefined ? [] : [value]), ...more),
    (error) => process.nextTick(callback, error),
  );
}

const promises = { constants };

for (const [name, operation] of Object.entries(operations)) {
  exports[`${name}Sync`] = (...values) => now(operation(...values));
  exports[name] = (...values) => {
    const callback = asCallback(values);
    settle(later(operation(...values)), callback);
  };
  if (!['close', 'fstat', 'fsync', 'fdatasync', 'ftruncate', 'open'].includes(name)) {
    promises[name] = async (...values) => later(operation(...values));
  }
}

// What a missing file means can be asked for.
for (const name of ['stat', 'lstat']) {
  const strict = exports[`${name}Sync`];
  exports[`${name}Sync`] = (path, options) => {
    if (options?.throwIfNoEntry !== false) return strict(path, options);
    try {
      return strict(path, options);
    } catch (error) {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    }
  };
}

exports.existsSync = (path) => {
  try {
    native.now('access', asPath(path), 0);
    return true;
  } catch {
    return false;
  }
};
exports.exists = (path, callback) => { setImmediate(callback, exports.existsSync(path)); };

exports.realpathSync.native = exports.realpathSync;
exports.realpath.native = exports.realpath;

/** A directory's entries with those of the directories in it. */
function listDeep(path, options) {
  const { join } = require('path');
  const list = [];
  const visit = (directory, prefix) => {
    for (const entry of exports.readdirSync(directory, { withFileTypes: true })) {
      const name = join(prefix, entry.name);
      list.push(options.withFileTypes ? entry : name);
      if (entry.isDirectory()) visit(join(directory, entry.name), name);
    }
  };
  visit(asPath(path), '');
  return list;
}

for (const [face, wrap] of [[exports, (value) => value], [promises, async (value) => value]]) {
  const name = face === exports ? 'readdirSync' : 'readdir';
  const flat = face[name];
  face[name] = (path, options) => (options?.recursive ? wrap(listDeep(path, options)) : flat(path, options));
}

exports.readSync = (...values) => now(readCall(...values));
exports.writeSync = (...values) => now(writeCall(...values));
exports.read = (...values) => {
  const callback = asCallback(values);
  const operation = readCall(...values);
  settle(later(operation), callback, operation.buffer);
};
exports.write = (...values) => {
  const callback = asCallback(values);
  const [, data] = values;
  settle(later(writeCall(...values)), callback, data);
};

/** Copies a file or, if asked, a directory with all in it. */
function cpSync(from, to, options = {}) {
  const { join } = require('path');
  const source = asPath(from, 'src'), target = asPath(to, 'dest');
  if (options.filter && !options.filter(source, target)) return;
  const stats = options.dereference ? exports.statSync(source) : exports.lstatSync(source);
  if (stats.isDirectory()) {
    if (!options.recursive) throw codedError(Error, `Recursive option not enabled, cannot copy a directory: ${source}`, 'ERR_FS_EISDIR');
    exports.mkdirSync(target, { recursive: true });
    for (const name of exports.readdirSync(source)) cpSync(join(source, name), join(target, name), options);
  } else if (stats.isSymbolicLink()) {
    exports.symlinkSync(exports.readlinkSync(source), target);
  } else if (options.force !== false || !exports.existsSync(target)) {
    exports.copyFileSync(source, target);
  } else if (options.errorOnExist) {
    throw codedError(Error, `Target already exists: ${target}`, 'ERR_FS_CP_EEXIST');
  }
}

exports.cpSync = cpSync;
exports.cp = (from, to, ...rest) => {
  const callback = asCallback(rest);
  settle(promises.cp(from, to, ...rest), callback);
};
promises.cp = async (from, to, options) => cpSync(from, to, options);

/** An open file: https://nodejs.org/api/fs.html#class-filehandle */
class FileHandle {
  #fd;

  constructor(fd) {
    this.#fd = fd;
  }

  get fd() { return this.#fd; }

  async appendFile(data, options) { return this.writeFile(data, options); }
  async read(buffer, ...rest) {
    const operation = readCall(this.#fd, buffer ?? {}, ...rest);
    return { bytesRead: await later(operation), buffer: operation.buffer };
  }
  async readFile(options) { return later(operations.readFile(this.#fd, options)); }
  async write(data, ...rest) { return { bytesWritten: await later(writeCall(this.#fd, data, ...rest)), buffer: data }; }
  async writeFile(data, options) {
    let bytes = asData(data, asOptions(options).encoding);
    while (bytes.length > 0) bytes = bytes.subarray(await later(writeCall(this.#fd, bytes)));
  }
  async stat(options) { return later(operations.fstat(this.#fd, options)); }
  async sync() { return later(operations.fsync(this.#fd)); }
  async datasync() { return later(operations.fsync(this.#fd)); }
  async truncate(length) { return later(operations.ftruncate(this.#fd, length)); }
  async close() {
    if (this.#fd === -1) return;
    const fd = this.#fd;
    this.#fd = -1;
    await later(operations.close(fd));
  }
  async [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() { return this.close(); }
}

promises.open = async (path, flags, mode) => new FileHandle(await later(operations.open(path, flags, mode)));

Object.assign(exports, { constants, promises, Stats, Dirent, F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1 });
