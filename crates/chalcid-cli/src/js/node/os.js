// `os`: https://nodejs.org/api/os.html
'use strict';

const system = () => native.system?.() ?? { uptime: 0, total: 0, free: 0, loads: [0, 0, 0] };

Object.assign(exports, {
  EOL: '\n',
  devNull: '/dev/null',
  arch: () => process.arch,
  availableParallelism: () => native.parallelism(),
  cpus: () => Array.from({ length: native.parallelism() }, () => ({
    model: 'unknown', speed: 0, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 },
  })),
  endianness: () => (new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 'LE' : 'BE'),
  freemem: () => system().free,
  homedir: () => process.env.HOME ?? '/',
  hostname: () => native.uname().host,
  loadavg: () => system().loads,
  machine: () => native.uname().machine,
  networkInterfaces: () => ({}),
  platform: () => process.platform,
  release: () => native.uname().release,
  tmpdir: () => (process.env.TMPDIR || process.env.TMP || process.env.TEMP || '/tmp').replace(/(?<=.)\/$/, ''),
  totalmem: () => system().total,
  type: () => native.uname().system,
  uptime: () => system().uptime,
  userInfo: () => ({
    uid: process.getuid(), gid: process.getgid(), username: process.env.USER ?? process.env.LOGNAME ?? 'root',
    homedir: process.env.HOME ?? '/', shell: process.env.SHELL ?? null,
  }),
  version: () => native.uname().version,
  constants: { signals: { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGKILL: 9, SIGTERM: 15 } },
});
