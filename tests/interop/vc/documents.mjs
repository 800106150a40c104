// What the libraries may load: the contexts that the Rust side sends (its bundled bytes, so that
// both sides read the same), DID documents and signed status lists. Nothing is fetched.
const MULTIKEY = 'https://w3id.org/security/multikey/v1';

const known = new Map();

/** Adds or replaces documents by URL. */
export function remember(documents) {
  for(const [url, document] of Object.entries(documents)) {
    known.set(url, document);
  }
}

/** A document, or a verification method of a DID document. */
export function find(url) {
  if(known.has(url)) {
    return known.get(url);
  }
  const [did] = url.split('#');
  const document = known.get(did) ?? ofDidKey(did);
  if(url === did) {
    return document;
  }
  const method = document?.verificationMethod.find(({id}) => id === url);
  return method && {'@context': MULTIKEY, ...method};
}

/** The loader that JSON-LD libraries ask for. */
export async function documentLoader(url) {
  const document = find(url);
  if(document === undefined) {
    throw new Error(`not at hand: ${url}`);
  }
  // libraries write into what they are given
  return {contextUrl: null, documentUrl: url, document: structuredClone(document)};
}

function ofDidKey(did) {
  const multikey = did.startsWith('did:key:') && did.slice('did:key:'.length);
  if(!multikey) {
    return undefined;
  }
  const id = `${did}#${multikey}`;
  return {
    '@context': ['https://www.w3.org/ns/did/v1', MULTIKEY],
    id: did,
    verificationMethod: [
      {id, type: 'Multikey', controller: did, publicKeyMultibase: multikey}
    ],
    assertionMethod: [id],
    authentication: [id]
  };
}
