// status: 3
// process.exit runs exit handlers and ends at once.
process.on('exit', (code) => { console.log('exit', code, process.exitCode); setTimeout(() => console.log('never'), 0); });
process.exitCode = 2;
setTimeout(() => { console.log('timer'); process.exit(3); }, 1);
setTimeout(() => console.log('never'), 100);
