// Node 18 keeps Web Crypto in a module of its own; `jose` looks for it among the globals. Imported
// first, before anything that needs it.
import {webcrypto} from 'node:crypto';

globalThis.crypto ??= webcrypto;
