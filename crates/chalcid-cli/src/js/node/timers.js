// `timers`.
'use strict';

Object.assign(exports, require('web/timers'));
