// `console`.
'use strict';

module.exports = require('web/console').console;
