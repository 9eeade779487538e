// `assert`: https://nodejs.org/api/assert.html
'use strict';

const { inspect } = require('internal/inspect');
const { isDeepEqual } = require('util');

class AssertionError extends Error {
  constructor({ message, actual, expected, operator, stackStartFn }) {
    super(message);
    this.name = 'AssertionError';
    this.code = 'ERR_ASSERTION';
    this.generatedMessage = false;
    this.actual = actual;
    this.expected = expected;
    this.operator = operator;
    if (stackStartFn !== undefined) Error.captureStackTrace?.(this, stackStartFn);
  }
}

function fail(given, standard, details) {
  if (given instanceof Error) throw given;
  const error = new AssertionError({ message: given ?? standard, ...details });
  error.generatedMessage = given === undefined;
  throw error;
}

const show = (value) => inspect(value, { depth: 1000, maxArrayLength: Infinity, sorted: true });

/** An assertion that compares two values. */
function comparison(operator, holds, text) {
  return function assertion(actual, expected, message) {
    if (arguments.length < 2) {
      const error = new TypeError('The "actual" and "expected" arguments must be specified');
      error.code = 'ERR_MISSING_ARGS';
      throw error;
    }
    if (!holds(actual, expected)) {
      fail(message, `${text}\n\n${show(actual)}\n\n${operator.startsWith('not') ? 'should not equal' : 'should equal'}\n\n${show(expected)}\n`, {
        actual, expected, operator, stackStartFn: assertion,
      });
    }
  };
}

function ok(value, message) {
  if (arguments.length === 0) fail(undefined, 'No value argument passed to `assert.ok()`', { actual: undefined, expected: true, operator: '==' });
  if (!value) fail(message, 'The expression evaluated to a falsy value', { actual: value, expected: true, operator: '==', stackStartFn: ok });
}

/** Whether an error is the expected one; throws if it is not and `expected` can say why. */
function matches(error, expected, message) {
  if (expected === undefined) return;
  if (typeof expected === 'function') {
    if (expected.prototype !== undefined && error instanceof expected) return;
    if (Error.isPrototypeOf(expected) || expected === Error) throw error;
    if (expected.call({}, error) === true) return;
    fail(message, 'The validation function is expected to return "true".', { actual: error, expected, operator: 'throws' });
  } else if (expected instanceof RegExp) {
    if (!expected.test(String(error))) {
      fail(message, `The input did not match the regular expression ${inspect(expected)}. Input:\n\n${inspect(String(error))}\n`, { actual: error, expected, operator: 'throws' });
    }
  } else {
    const keys = Object.keys(expected);
    if (expected instanceof Error) keys.push('name', 'message');
    for (const key of keys) {
      const alike = typeof error[key] === 'string' && expected[key] instanceof RegExp ? expected[key].test(error[key]) : isDeepEqual(error[key], expected[key], true);
      if (!alike) fail(message, `Expected values to be strictly deep-equal: ${key}\n\n${show(error[key])}\n\n${show(expected[key])}\n`, { actual: error, expected, operator: 'throws' });
    }
  }
}

const assert = (value, message) => {
  if (!value) fail(message, 'The expression evaluated to a falsy value', { actual: value, expected: true, operator: '==', stackStartFn: assert });
};

Object.assign(assert, {
  AssertionError,
  ok,
  fail(message = 'Failed') { fail(message, 'Failed', { operator: 'fail' }); },
  equal: comparison('==', (a, b) => a == b || (a !== a && b !== b), 'Expected values to be loosely equal:'),
  notEqual: comparison('notEqual', (a, b) => !(a == b || (a !== a && b !== b)), 'Expected "actual" to be loosely unequal to:'),
  strictEqual: comparison('strictEqual', Object.is, 'Expected values to be strictly equal:'),
  notStrictEqual: comparison('notStrictEqual', (a, b) => !Object.is(a, b), 'Expected "actual" to be strictly unequal to:'),
  deepEqual: comparison('deepEqual', (a, b) => isDeepEqual(a, b, false), 'Expected values to be loosely deep-equal:'),
  notDeepEqual: comparison('notDeepEqual', (a, b) => !isDeepEqual(a, b, false), 'Expected "actual" not to be loosely deep-equal to:'),
  deepStrictEqual: comparison('deepStrictEqual', (a, b) => isDeepEqual(a, b, true), 'Expected values to be strictly deep-equal:'),
  notDeepStrictEqual: comparison('notDeepStrictEqual', (a, b) => !isDeepEqual(a, b, true), 'Expected "actual" not to be strictly deep-equal to:'),
  match(text, pattern, message) {
    if (typeof text !== 'string' || !pattern.test(text)) {
      fail(message, `The input did not match the regular expression ${inspect(pattern)}. Input:\n\n${inspect(text)}\n`, { actual: text, expected: pattern, operator: 'match' });
    }
  },
  doesNotMatch(text, pattern, message) {
    if (typeof text !== 'string' || pattern.test(text)) {
      fail(message, `The input was expected to not match the regular expression ${inspect(pattern)}. Input:\n\n${inspect(text)}\n`, { actual: text, expected: pattern, operator: 'doesNotMatch' });
    }
  },
  throws(callback, expected, message) {
    if (typeof expected === 'string') [expected, message] = [undefined, expected];
    let thrown;
    try {
      callback();
    } catch (error) {
      thrown = { error };
    }
    if (thrown === undefined) fail(message, 'Missing expected exception.', { expected, operator: 'throws' });
    matches(thrown.error, expected, message);
  },
  doesNotThrow(callback, expected, message) {
    try {
      callback();
    } catch (error) {
      fail(typeof expected === 'string' ? expected : message, `Got unwanted exception.\nActual message: "${error?.message}"`, { actual: error, expected, operator: 'doesNotThrow' });
    }
  },
  async rejects(promise, expected, message) {
    if (typeof expected === 'string') [expected, message] = [undefined, expected];
    let thrown;
    try {
      await (typeof promise === 'function' ? promise() : promise);
    } catch (error) {
      thrown = { error };
    }
    if (thrown === undefined) fail(message, 'Missing expected rejection.', { expected, operator: 'rejects' });
    matches(thrown.error, expected, message);
  },
  async doesNotReject(promise, expected, message) {
    try {
      await (typeof promise === 'function' ? promise() : promise);
    } catch (error) {
      fail(message, `Got unwanted rejection.\nActual message: "${error?.message}"`, { actual: error, expected, operator: 'doesNotReject' });
    }
  },
  ifError(value) {
    if (value !== null && value !== undefined) {
      throw Object.assign(new AssertionError({ message: `ifError got unwanted exception: ${value?.message ?? inspect(value)}`, actual: value, expected: null, operator: 'ifError' }), { cause: value });
    }
  },
});

const strict = Object.assign((...values) => ok(...values), assert, {
  equal: assert.strictEqual, notEqual: assert.notStrictEqual, deepEqual: assert.deepStrictEqual, notDeepEqual: assert.notDeepStrictEqual,
});
assert.strict = strict;
strict.strict = strict;
module.exports = assert;
