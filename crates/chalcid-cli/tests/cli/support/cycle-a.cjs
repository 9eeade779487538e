exports.early = 1; exports.b = require('./cycle-b.cjs').sawEarly; exports.late = 2;
