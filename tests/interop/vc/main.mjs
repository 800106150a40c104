// Other people's libraries behind one pipe: a JSON request per line on standard input, a JSON answer
// per line on standard output, in order. `{"do": name, ...}` gives `{"ok": ...}` or `{"error": text}`.
import {setClock} from './platform.mjs';
import {createInterface} from 'node:readline';
import {measure} from './bench.mjs';
import * as embedded from './data-integrity.mjs';
import {remember} from './documents.mjs';
import * as lists from './lists.mjs';
import {canonize, jcs} from './rdf.mjs';
import * as tokens from './tokens.mjs';

/** A refusal is an answer, not a failure of the pipe. */
const judged = verify => request =>
  verify(request).catch(error => ({verified: false, why: error.message}));

const WORK = {
  versions: () => ({node: process.version}),
  clock: setClock,
  remember: ({documents}) => remember(documents),
  issueEmbedded: embedded.issue,
  verifyEmbedded: judged(embedded.verify),
  issueToken: tokens.issue,
  verifyToken: judged(tokens.verify),
  issueSdJwt: tokens.issueSdJwt,
  presentSdJwt: tokens.presentSdJwt,
  verifySdJwt: judged(tokens.verifySdJwt),
  bitstringCredential: lists.bitstringCredential,
  bitstringValues: lists.bitstringValues,
  tokenList: lists.tokenList,
  tokenValues: lists.tokenValues,
  canonize,
  jcs,
  bench: ({work, seconds}) =>
    measure(() => WORK[work.do](structuredClone(work)), seconds)
};

for await (const line of createInterface({input: process.stdin})) {
  const {do: name, ...request} = JSON.parse(line);
  let answer;
  try {
    answer = {ok: await WORK[name](request) ?? null};
  } catch(error) {
    answer = {error: error.message};
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
