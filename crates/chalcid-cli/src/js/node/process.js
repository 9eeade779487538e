// `process`: https://nodejs.org/api/process.html
'use strict';

const EventEmitter = require('events');

class Process extends EventEmitter {}
const process = new Process();
module.exports = process;

function codedError(message, code, Type = TypeError) {
  const error = new Type(message);
  error.code = code;
  return error;
}

// ── What the process is ────────────────────────────────────────────────────────────────────────────────────────────────────

// The Node whose interface this is modelled on; packages look at it to choose their way.
const nodeVersion = '22.12.0';

Object.assign(process, {
  title: 'chalcid',
  version: `v${nodeVersion}`,
  versions: { node: nodeVersion, chalcid: native.version, modules: '127' },
  release: { name: 'node' },
  arch: native.arch,
  platform: native.platform,
  argv: native.argv,
  argv0: native.argv[0],
  execArgv: [],
  execPath: native.argv[0],
  pid: native.pid,
  ppid: native.ppid,
  features: { inspector: false, ipv6: true, tls: true },
  config: { variables: {}, target_defaults: {} },
  exiting: false,
});

let env;
Object.defineProperty(process, 'env', {
  configurable: true,
  enumerable: true,
  get() {
    // Names and values of the environment are strings, whatever is assigned.
    env ??= new Proxy(native.env(), {
      set(target, name, value) {
        if (typeof name === 'symbol' || typeof value === 'symbol') throw new TypeError('Cannot convert a Symbol value to a string');
        target[name] = `${value}`;
        return true;
      },
      defineProperty(target, name, descriptor) {
        return Reflect.defineProperty(target, name, 'value' in descriptor ? { ...descriptor, value: `${descriptor.value}` } : descriptor);
      },
    });
    return env;
  },
  set(value) { env = value; },
});

Object.assign(process, {
  cwd: () => native.cwd(),
  chdir(directory) { native.chdir(`${directory}`); },
  getuid: () => native.ids()[0],
  geteuid: () => native.ids()[0],
  getgid: () => native.ids()[1],
  getegid: () => native.ids()[1],
  abort: () => native.abort(),
  uptime() {
    const [seconds, nanoseconds] = native.nanoseconds();
    return seconds + nanoseconds / 1e9;
  },
  memoryUsage() {
    const rss = native.residentBytes();
    return { rss, heapTotal: rss, heapUsed: rss, external: 0, arrayBuffers: 0 };
  },
  kill() { throw codedError('process.kill is not supported', 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', Error); },
  binding() { throw codedError('process.binding is not supported', 'ERR_INVALID_MODULE', Error); },
});
process.memoryUsage.rss = () => native.residentBytes();

process.hrtime = function hrtime(since) {
  const [seconds, nanoseconds] = native.nanoseconds();
  if (since === undefined) return [seconds, nanoseconds];
  const difference = nanoseconds - since[1];
  return difference < 0 ? [seconds - since[0] - 1, difference + 1e9] : [seconds - since[0], difference];
};
process.hrtime.bigint = () => {
  const [seconds, nanoseconds] = native.nanoseconds();
  return BigInt(seconds) * 1000000000n + BigInt(nanoseconds);
};

// ── Its end ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function exitCode(value) {
  if (value === undefined || value === null) return undefined;
  const code = typeof value === 'string' && value !== '' ? Number(value) : value;
  if (!Number.isInteger(code)) throw codedError(`The "code" argument must be of type number. Received ${typeof value === 'string' ? `type string ('${value}')` : typeof value}`, 'ERR_INVALID_ARG_TYPE');
  return code | 0;
}

Object.defineProperty(process, 'exitCode', {
  configurable: true,
  enumerable: true,
  get: () => native.getExitCode(),
  set(value) { native.setExitCode(exitCode(value)); },
});

process.exit = (code) => native.exit(exitCode(code));
process.reallyExit = process.exit;

// ── Ticks ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

let ticks = [];

process.nextTick = function nextTick(callback, ...values) {
  if (typeof callback !== 'function') {
    throw codedError(`The "callback" argument must be of type function. Received ${callback === null ? 'null' : typeof callback}`, 'ERR_INVALID_ARG_TYPE');
  }
  ticks.push({ callback, values });
  native.wantTicks();
};

let capture = null;

native.setHooks({
  ticks() {
    while (ticks.length > 0) {
      const batch = ticks;
      ticks = [];
      for (let index = 0; index < batch.length; index++) {
        try {
          batch[index].callback(...batch[index].values);
        } catch (error) {
          // What is left keeps its place before what has been added since.
          ticks = [...batch.slice(index + 1), ...ticks];
          throw error;
        }
      }
    }
  },
  beforeExit(code) { process.emit('beforeExit', code); },
  exit(code) {
    process.exiting = true;
    process.emit('exit', code);
  },
  uncaught(error, origin) {
    process.emit('uncaughtExceptionMonitor', error, origin);
    if (capture !== null) {
      capture(error);
      return true;
    }
    return process.emit('uncaughtException', error, origin);
  },
  rejection(reason, promise) { return process.emit('unhandledRejection', reason, promise); },
});

process.setUncaughtExceptionCaptureCallback = (callback) => { capture = callback; };
process.hasUncaughtExceptionCaptureCallback = () => capture !== null;

process.emitWarning = function emitWarning(warning, type, code) {
  if (type !== null && typeof type === 'object') ({ type, code } = type);
  if (!(warning instanceof Error)) {
    const message = warning;
    warning = new Error(`${message}`);
    warning.name = type ?? 'Warning';
    if (code !== undefined) warning.code = code;
  }
  process.nextTick(() => {
    process.emit('warning', warning);
    const label = warning.code === undefined ? '' : `[${warning.code}] `;
    process.stderr.write(`(chalcid:${process.pid}) ${label}${warning.name}: ${warning.message}\n`);
  });
};

// ── Streams ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function output(fd) {
  const stream = new EventEmitter();
  const isTTY = native.terminals[fd];
  Object.assign(stream, {
    fd,
    writable: true,
    _type: isTTY ? 'tty' : 'pipe',
    write(data, encoding, callback) {
      if (typeof encoding === 'function') [encoding, callback] = [undefined, encoding];
      if (typeof data !== 'string' && !ArrayBuffer.isView(data)) {
        throw codedError('The "chunk" argument must be of type string or an instance of Buffer, TypedArray, or DataView.', 'ERR_INVALID_ARG_TYPE');
      }
      const { Buffer } = require('buffer');
      const bytes = typeof data === 'string' ? Buffer.from(data, encoding) : require('web/encoding').bytesOf(data);
      native.write(fd === 2, bytes);
      if (callback !== undefined) process.nextTick(callback);
      return true;
    },
    end(data, encoding, callback) {
      if (data !== undefined && typeof data !== 'function') stream.write(data, encoding);
      const done = [data, encoding, callback].find((value) => typeof value === 'function');
      if (done !== undefined) process.nextTick(done);
      return stream;
    },
    cork() {},
    uncork() {},
    getColorDepth: () => (isTTY ? 8 : 1),
    hasColors: () => isTTY,
    getWindowSize: () => native.windowSize(fd) ?? [80, 24],
  });
  if (isTTY) {
    stream.isTTY = true;
    Object.defineProperty(stream, 'columns', { enumerable: true, get: () => stream.getWindowSize()[0] });
    Object.defineProperty(stream, 'rows', { enumerable: true, get: () => stream.getWindowSize()[1] });
  }
  return stream;
}

function input() {
  const stream = new EventEmitter();
  let reading = false, ended = false, encoding;
  const flow = async () => {
    if (reading || ended) return;
    reading = true;
    try {
      for (;;) {
        const { Buffer } = require('buffer');
        const bytes = await native.readInput();
        if (bytes.length === 0) break;
        const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        stream.emit('data', encoding === undefined ? buffer : decoder.write(buffer));
      }
      ended = true;
      stream.readable = false;
      const rest = encoding === undefined ? '' : decoder.end();
      if (rest !== '') stream.emit('data', rest);
      stream.emit('end');
      stream.emit('close');
    } catch (error) {
      stream.emit('error', error);
    }
  };
  let decoder;
  const { on } = stream;
  Object.assign(stream, {
    fd: 0,
    readable: true,
    setEncoding(name = 'utf8') {
      encoding = name;
      decoder = new (require('string_decoder').StringDecoder)(name);
      return stream;
    },
    on(name, listener) {
      on.call(stream, name, listener);
      if (name === 'data' || name === 'end') flow();
      return stream;
    },
    addListener(name, listener) { return stream.on(name, listener); },
    resume() {
      flow();
      return stream;
    },
    pause: () => stream,
    ref: () => stream,
    unref: () => stream,
    async * [Symbol.asyncIterator]() {
      for (;;) {
        const { Buffer } = require('buffer');
        const bytes = await native.readInput();
        if (bytes.length === 0) break;
        const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        yield encoding === undefined ? buffer : decoder.write(buffer);
      }
      const rest = encoding === undefined ? '' : decoder.end();
      if (rest !== '') yield rest;
    },
  });
  if (native.terminals[0]) {
    stream.isTTY = true;
    stream.setRawMode = () => stream;
  }
  return stream;
}

for (const [name, make] of [['stdin', input], ['stdout', () => output(1)], ['stderr', () => output(2)]]) {
  let stream;
  Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => (stream ??= make()) });
}

Object.defineProperty(process, Symbol.toStringTag, { value: 'process', configurable: true });
