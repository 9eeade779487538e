module.exports = { ...require('./lib.cjs'), extra: 'e' };
