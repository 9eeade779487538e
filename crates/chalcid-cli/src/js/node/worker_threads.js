// `worker_threads`, as far as a program asks whether it runs in one: it never does.
'use strict';

Object.assign(exports, { isMainThread: true, threadId: 0, parentPort: null, workerData: null, resourceLimits: {} });
