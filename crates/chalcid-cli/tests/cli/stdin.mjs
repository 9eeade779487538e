// stdin: first line\nsecond line
// Standard input, read as a stream.
import fs from 'node:fs';
process.stdin.setEncoding('utf8');
let text = '';
for await (const piece of process.stdin) text += piece;
console.log(JSON.stringify(text), process.stdin.isTTY, fs.existsSync('/dev/stdin'));
