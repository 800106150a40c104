// JOSE forms: `jose` for vc+jwt, vp+jwt and status list tokens, @sd-jwt/sd-jwt-vc for dc+sd-jwt.
import {createHash} from 'node:crypto';
import {SDJwtVcInstance} from '@sd-jwt/sd-jwt-vc';
import {CompactSign, compactVerify, decodeProtectedHeader} from 'jose';
import {find} from './documents.mjs';
import {joseConfirmed, josePrivate, josePublic} from './keys.mjs';

const ALGORITHMS = ['EdDSA', 'Ed25519', 'ES256'];
const encode = value => new TextEncoder().encode(JSON.stringify(value));

/** A compact token of type `typ` over a payload. */
export async function issue({typ, payload, method, ...secret}) {
  const {key, alg} = await josePrivate(secret);
  return new CompactSign(encode(payload)).setProtectedHeader({alg, typ, kid: method}).sign(key);
}

/** Verifies a compact token of type `typ` with the key that its `kid` names; gives its payload. */
export async function verify({typ, token}) {
  const header = decodeProtectedHeader(token);
  if(header.typ !== typ) {
    throw new Error(`typ is ${header.typ}`);
  }
  const key = await josePublic(header.kid);
  const {payload} = await compactVerify(token, key, {algorithms: ALGORITHMS});
  return {verified: true, payload: JSON.parse(new TextDecoder().decode(payload))};
}

function signer(key, alg) {
  return async data => {
    const [header] = data.split('.');
    const parsed = JSON.parse(Buffer.from(header, 'base64url'));
    const body = Buffer.from(data.split('.')[1], 'base64url');
    const token = await new CompactSign(body).setProtectedHeader({...parsed, alg}).sign(key);
    return token.split('.')[2];
  };
}

function checker(keyOf) {
  return async (data, signature, ...rest) => {
    const key = await keyOf(data, ...rest);
    const token = `${data}.${signature}`;
    return compactVerify(token, key, {algorithms: ALGORITHMS}).then(() => true, () => false);
  };
}

const kidOf = data => JSON.parse(Buffer.from(data.split('.')[0], 'base64url')).kid;
const byKid = checker(data => josePublic(kidOf(data)));
const byConfirmation = checker((_, payload) => joseConfirmed(payload.cnf.jwk));
const hasher = (data, algorithm) =>
  createHash(algorithm.replace('-', '')).update(data).digest();

/** What all SD-JWT calls share. */
const COMMON = {
  hasher,
  verifier: byKid,
  kbVerifier: byConfirmation,
  statusVerifier: byKid,
  statusListFetcher: async uri => find(uri)
};

let salts = 0;
const saltGenerator = length =>
  createHash('sha256').update(`salt ${salts++}`).digest('base64url').slice(0, length);

/** An SD-JWT VC whose members `disclose` the holder may keep back. */
export async function issueSdJwt({payload, disclose, method, ...secret}) {
  const {key, alg} = await josePrivate(secret);
  const instance = new SDJwtVcInstance({
    ...COMMON, signer: signer(key, alg), signAlg: alg, hashAlg: 'sha-256', saltGenerator
  });
  const frame = {_sd: disclose, _sd_decoy: 2};
  return instance.issue(payload, frame, {header: {kid: method}});
}

/** Presents an SD-JWT VC with the disclosures of `show` and a key binding. */
export async function presentSdJwt({token, show, nonce, audience, iat, ...secret}) {
  const {key, alg} = await josePrivate(secret);
  const instance = new SDJwtVcInstance({...COMMON, kbSigner: signer(key, alg), kbSignAlg: alg});
  const frame = Object.fromEntries(show.map(name => [name, true]));
  return instance.present(token, frame, {kb: {payload: {nonce, aud: audience, iat}}});
}

/** Verifies an SD-JWT VC, its status and, if a nonce is given, its key binding; gives the claims. */
export async function verifySdJwt({token, now, nonce}) {
  const instance = new SDJwtVcInstance(COMMON);
  const {payload} = await instance.verify(
    token, {currentDate: now, skewSeconds: 60, keyBindingNonce: nonce});
  return {verified: true, payload};
}
