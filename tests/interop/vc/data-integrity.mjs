// Embedded proofs: @digitalbazaar/vc with the two EdDSA cryptosuites.
import * as jcs from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import * as rdfc from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';
import * as vc from '@digitalbazaar/vc';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import jsigs from 'jsonld-signatures';
import {checkStatus} from './lists.mjs';
import {documentLoader} from './documents.mjs';
import {multikeySigner} from './keys.mjs';

const {AuthenticationProofPurpose} = jsigs.purposes;

function issuing(form) {
  return form === 'eddsa-jcs-2022' ? jcs.createSignCryptosuite() : rdfc.cryptosuite;
}

function verifying(form) {
  return form === 'eddsa-jcs-2022' ? jcs.createVerifyCryptosuite() : rdfc.cryptosuite;
}

/** The suite that verifies a form. */
export function verifier(form) {
  return new DataIntegrityProof({cryptosuite: verifying(form)});
}

/** Secures a credential, or a presentation if a challenge is given. */
export async function issue({form, document, created, challenge, domain, ...key}) {
  const signer = await multikeySigner(key);
  const suite = new DataIntegrityProof({signer, date: created, cryptosuite: issuing(form)});
  if(challenge === undefined) {
    return vc.issue({credential: document, suite, documentLoader, now: created});
  }
  const purpose = new AuthenticationProofPurpose({challenge, domain});
  return vc.signPresentation({presentation: document, suite, documentLoader, purpose});
}

/** Verifies a credential with its status, or a presentation with what it holds. */
export async function verify({form, document, now, challenge, domain}) {
  const suite = [verifier('eddsa-rdfc-2022'), verifier('eddsa-jcs-2022')];
  const common = {suite, documentLoader, now, checkStatus};
  const result = challenge === undefined ?
    await vc.verifyCredential({...common, suite: verifier(form), credential: document}) :
    await vc.verify({...common, presentation: document, challenge, domain});
  return {verified: result.verified, why: why(result)};
}

function why(result) {
  const parts = [result, ...(result.credentialResults ?? [])];
  const errors = parts.flatMap(({error, statusResult}) => [error, statusResult?.error]);
  const texts = errors.filter(error => error !== undefined).map(
    error => [error.message, ...(error.errors ?? []).map(inner => inner.message)].join(': '));
  return texts.join('; ');
}
