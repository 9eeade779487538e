"use strict";
globalThis.instantiate = (text, imports) => new WebAssembly.Instance(new WebAssembly.Module(wat(text)), imports).exports;
globalThis.same = (actual, expected, note = "value") => {
  if (!Object.is(actual, expected)) throw new Error(`${note} is ${String(actual)}, expected ${String(expected)}`);
};
globalThis.throws = (kind, steps, pattern = /(?:)/) => {
  let thrown;
  try {
    steps();
  } catch (error) {
    thrown = { error };
  }
  if (!thrown) throw new Error(`nothing was thrown, expected ${kind.name}`);
  if (!(thrown.error instanceof kind)) throw new Error(`${thrown.error} was thrown, expected ${kind.name}`);
  if (!pattern.test(thrown.error.message)) throw new Error(`message is ${thrown.error.message}, expected ${pattern}`);
  return thrown.error;
};
