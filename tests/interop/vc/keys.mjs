// Keys in the spellings that the libraries want.
import {ECDH} from 'node:crypto';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {decode} from 'base58-universal';
import {importJWK} from 'jose';
import {find} from './documents.mjs';

const base64url = bytes => Buffer.from(bytes).toString('base64url');

/** A signer for Data Integrity proofs: seed in hex, id of the verification method. */
export async function multikeySigner({seed, method}) {
  const [controller] = method.split('#');
  const key = await Ed25519Multikey.generate({
    id: method, controller, seed: Buffer.from(seed, 'hex')
  });
  return key.signer();
}

/** A private key for JOSE: a seed of Ed25519 in hex, or a JWK of P-256. */
export async function josePrivate({seed, jwk}) {
  if(jwk) {
    return {key: await importJWK(jwk, 'ES256'), alg: 'ES256'};
  }
  const pair = await Ed25519Multikey.generate({seed: Buffer.from(seed, 'hex')});
  const {publicKey, secretKey} = await pair.export({publicKey: true, secretKey: true, raw: true});
  const [x, d] = [base64url(publicKey), base64url(secretKey.slice(0, 32))];
  return {key: await importJWK({kty: 'OKP', crv: 'Ed25519', x, d}, 'EdDSA'), alg: 'EdDSA'};
}

/** The public key of a verification method in the DID documents at hand. */
export async function josePublic(method) {
  const {publicKeyMultibase} = find(method) ?? {};
  if(publicKeyMultibase === undefined) {
    throw new Error(`unknown key ${method}`);
  }
  const bytes = Buffer.from(decode(publicKeyMultibase.slice(1)));
  const raw = bytes.subarray(2);
  switch(bytes.readUInt16BE(0)) {
    case 0xed01:
      return importJWK({kty: 'OKP', crv: 'Ed25519', x: base64url(raw)}, 'EdDSA');
    case 0x8024: {
      const point = ECDH.convertKey(raw, 'prime256v1', null, null, 'uncompressed');
      const [x, y] = [base64url(point.subarray(1, 33)), base64url(point.subarray(33))];
      return importJWK({kty: 'EC', crv: 'P-256', x, y}, 'ES256');
    }
    default:
      throw new Error(`unknown kind of key ${method}`);
  }
}

/** The public key of a JWK, as `cnf` holds it. */
export async function joseConfirmed(jwk) {
  return importJWK(jwk, jwk.kty === 'EC' ? 'ES256' : 'EdDSA');
}
