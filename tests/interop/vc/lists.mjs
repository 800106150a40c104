// Status lists of both kinds: @digitalbazaar/vc-bitstring-status-list, @sd-jwt/jwt-status-list.
import * as bitstring from '@digitalbazaar/vc-bitstring-status-list';
import {StatusList} from '@sd-jwt/jwt-status-list';
import {documentLoader} from './documents.mjs';
import {verifier} from './data-integrity.mjs';

/**
 * Whether every one-bit status entry of a credential is clear in a list that verifies. The library
 * reads lists of single bits; entries of other sizes are left to readers of messages.
 */
export async function checkStatus({credential}) {
  const entries = [credential.credentialStatus].flat();
  const single = entries.filter(({statusSize}) => statusSize === undefined || statusSize === 1);
  if(single.length === 0) {
    return {verified: true};
  }
  const result = await bitstring.checkStatus({
    credential: {...credential, credentialStatus: single},
    documentLoader,
    suite: verifier('eddsa-rdfc-2022')
  });
  const clear = result.verified && result.results.every(({status}) => status === false);
  return {...result, verified: clear, error: result.error ?? (clear ? undefined : set())};
}

function set() {
  return new Error('a status bit is set');
}

/** The credential of a one-bit list in which the bits `set` are set, unsigned. */
export async function bitstringCredential({id, length, set, purpose}) {
  const list = await bitstring.createList({length});
  set.forEach(index => list.setStatus(index, true));
  return bitstring.createCredential({id, list, statusPurpose: purpose});
}

/** The bits of an encoded list, at the places asked for. */
export async function bitstringValues({encodedList, at}) {
  const list = await bitstring.decodeList({encodedList});
  return {length: list.length, values: at.map(index => list.getStatus(index))};
}

/** `lst` of a Token Status List of `values`. */
export function tokenList({values, bits}) {
  return new StatusList(values, bits).compressStatusList();
}

/** The entries of `lst`, at the places asked for. */
export function tokenValues({lst, bits, at}) {
  const list = StatusList.decompressStatusList(lst, bits);
  return {values: at.map(index => list.getStatus(index))};
}
