exports.alpha = 1;
exports.beta = function beta() {};
Object.defineProperty(exports, 'gamma', { enumerable: true, get: () => 'g' });
