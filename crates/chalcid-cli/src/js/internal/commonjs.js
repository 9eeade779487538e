// CommonJS: `require`, `module` and the cache of what has been loaded. https://nodejs.org/api/modules.html
'use strict';

const path = require('path');

function codedError(message, code, Type = Error) {
  const error = new Type(message);
  error.code = code;
  return error;
}

class Module {
  id;
  path;
  exports = {};
  filename = null;
  loaded = false;
  children = [];
  paths = [];
  #require;

  constructor(id = '', parent) {
    this.id = id;
    this.path = path.dirname(id);
    Object.defineProperty(this, 'parent', { value: parent, writable: true, configurable: true, enumerable: false });
    parent?.children.push(this);
  }

  require(specifier) {
    return load(specifier, this);
  }

  _compile(source, filename) {
    run(this, native.compileText(source, filename), filename);
  }

  static makeRequire(module) {
    if (module.#require !== undefined) return module.#require;
    const require = function require(specifier) {
      return load(specifier, module);
    };
    require.resolve = function resolve(specifier, options) {
      if (options?.paths !== undefined) {
        for (const directory of options.paths) {
          try {
            return resolveFrom(specifier, path.resolve(directory), module);
          } catch {}
        }
      }
      return resolveFrom(specifier, module.path, module);
    };
    require.resolve.paths = (specifier) => (native.publicName(specifier) === undefined ? lookupPaths(module.path) : null);
    require.main = main;
    require.extensions = Module._extensions;
    require.cache = Module._cache;
    module.#require = require;
    return require;
  }
}

Module._cache = Object.create(null);
Module._extensions = Object.assign(Object.create(null), {
  '.js'(module, filename) {
    if (native.format(filename) === 'module') module.exports = fromModule(filename);
    else run(module, native.compile(filename), filename);
  },
  '.json'(module, filename) {
    try {
      module.exports = JSON.parse(native.read(filename));
    } catch (error) {
      error.message = `${filename}: ${error.message}`;
      throw error;
    }
  },
});

let main;

/** `node_modules` folders from a directory up. */
function lookupPaths(directory) {
  const paths = [];
  for (let at = directory; ; at = path.dirname(at)) {
    if (path.basename(at) !== 'node_modules') paths.push(path.join(at, 'node_modules'));
    if (at === path.dirname(at)) return paths;
  }
}

function resolveFrom(specifier, directory, parent) {
  if (typeof specifier !== 'string') {
    throw codedError(`The "id" argument must be of type string. Received ${typeof specifier === 'number' ? `type number (${specifier})` : specifier === null ? 'null' : typeof specifier}`, 'ERR_INVALID_ARG_TYPE', TypeError);
  }
  if (specifier === '') throw codedError('The argument \'id\' must be a non-empty string. Received \'\'', 'ERR_INVALID_ARG_VALUE', TypeError);
  if (native.publicName(specifier) !== undefined) return specifier;
  if (specifier.startsWith('node:')) throw codedError(`No such built-in module: ${specifier}`, 'ERR_UNKNOWN_BUILTIN_MODULE');
  try {
    return native.resolve(directory, specifier);
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND') {
      const stack = [];
      for (let module = parent; module?.filename; module = module.parent) stack.push(module.filename);
      error.requireStack = stack;
      if (stack.length > 0) error.message += `\nRequire stack:\n- ${stack.join('\n- ')}`;
    }
    throw error;
  }
}

function load(specifier, parent) {
  const builtin = typeof specifier === 'string' ? native.publicName(specifier) : undefined;
  if (builtin !== undefined) return native.builtin(builtin);
  return loadFile(resolveFrom(specifier, parent.path, parent), parent);
}

function loadFile(filename, parent) {
  const cached = Module._cache[filename];
  if (cached !== undefined) {
    if (parent !== undefined && !parent.children.includes(cached)) parent.children.push(cached);
    return cached.exports;
  }
  const module = new Module(filename, parent);
  module.filename = filename;
  module.paths = lookupPaths(module.path);
  if (main === undefined && parent === undefined) {
    main = module;
    module.id = '.';
  }
  Module._cache[filename] = module;
  let loaded = false;
  try {
    const extension = path.extname(filename);
    if (extension === '.mjs') module.exports = fromModule(filename);
    else if (extension === '.node' || extension === '.wasm') throw codedError(`Unknown file extension "${extension}" for ${filename}`, 'ERR_UNKNOWN_FILE_EXTENSION', TypeError);
    else (Module._extensions[extension] ?? Module._extensions['.js'])(module, filename);
    module.loaded = loaded = true;
  } finally {
    if (!loaded) delete Module._cache[filename];
  }
  return module.exports;
}

function fromModule(filename) {
  const namespace = native.evaluateModule(filename);
  return Object.hasOwn(namespace, 'module.exports') ? namespace['module.exports'] : namespace;
}

function run(module, compiled, filename) {
  const { exports } = module;
  compiled.call(exports, exports, Module.makeRequire(module), module, filename, path.dirname(filename));
}

// ── For the runtime ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Runs the file a program begins with. */
exports.runMain = (filename) => {
  loadFile(filename, undefined);
};

/** What a file exports, for an ES module that imports it. */
exports.load = (filename) => {
  main ??= null;
  return loadFile(filename, undefined);
};

/** Gives code without a file (`-e`, the prompt) the names that a CommonJS file has. */
exports.prepareGlobal = (name, directory) => {
  const module = new Module(name, undefined);
  module.path = directory;
  module.filename = path.join(directory, name);
  module.paths = lookupPaths(directory);
  main ??= module;
  const names = { module, exports: module.exports, require: Module.makeRequire(module), __filename: name, __dirname: '.' };
  for (const [key, value] of Object.entries(names)) {
    Object.defineProperty(globalThis, key, { value, writable: true, enumerable: false, configurable: true });
  }
};

// ── node:module ────────────────────────────────────────────────────────────────────────────────────────────────────────────

Module.Module = Module;
Module.builtinModules = native.builtinNames;
Module.isBuiltin = (name) => native.publicName(name) !== undefined;
Module._nodeModulePaths = lookupPaths;
Module._resolveFilename = (specifier, parent) => resolveFrom(specifier, parent?.path ?? process.cwd(), parent);
Module._load = (specifier, parent) => load(specifier, parent ?? new Module(path.join(process.cwd(), '[internal]')));
Module.wrap = (source) => `(function (exports, require, module, __filename, __dirname) { ${source}\n});`;

Module.createRequire = function createRequire(location) {
  let filename = location;
  if (location instanceof URL || (typeof location === 'string' && !path.isAbsolute(location))) {
    let url;
    try {
      url = new URL(location);
    } catch {}
    if (url?.protocol !== 'file:') {
      throw codedError(`The argument 'filename' must be a file URL object, file URL string, or absolute path string. Received '${location}'`, 'ERR_INVALID_ARG_VALUE', TypeError);
    }
    filename = require('url').fileURLToPath(url);
  }
  const directory = filename.endsWith('/');
  const module = new Module(directory ? path.join(filename, 'noop.js') : filename);
  module.filename = module.id;
  module.paths = lookupPaths(module.path);
  return Module.makeRequire(module);
};

exports.Module = Module;
