// Imported first, before any library looks at the globals.
import {webcrypto} from 'node:crypto';

// Node 18 keeps Web Crypto in a module of its own; `jose` looks for it among the globals.
globalThis.crypto ??= webcrypto;

const RealDate = Date;
let now;

/** Stops the clock: not every library lets a caller say what time it is. */
export function setClock({time}) {
  now = new RealDate(time).getTime();
}

globalThis.Date = class extends RealDate {
  constructor(...args) {
    super(...(args.length === 0 && now !== undefined ? [now] : args));
  }

  static now() {
    return now ?? RealDate.now();
  }
};
