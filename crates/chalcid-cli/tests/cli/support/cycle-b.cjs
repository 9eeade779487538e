exports.sawEarly = require('./cycle-a.cjs').early; exports.sawLate = require('./cycle-a.cjs').late;
