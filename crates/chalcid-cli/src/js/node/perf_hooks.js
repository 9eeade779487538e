// `perf_hooks`.
'use strict';

exports.performance = globalThis.performance;
