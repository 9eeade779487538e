// `tty`: https://nodejs.org/api/tty.html
'use strict';

exports.isatty = (fd) => {
  const stream = [process.stdin, process.stdout, process.stderr][fd];
  return stream?.isTTY === true;
};
