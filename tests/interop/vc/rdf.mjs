// Canonical forms: `jsonld` (with rdf-canonize) and `canonicalize`.
import canonicalizeJson from 'canonicalize';
import jsonld from 'jsonld';
import {documentLoader} from './documents.mjs';

/** Canonical N-Quads of a document: safe mode, directions as i18n datatypes. */
export async function canonize({document}) {
  return jsonld.canonize(document, {
    algorithm: 'RDFC-1.0', format: 'application/n-quads',
    documentLoader, safe: true, rdfDirection: 'i18n-datatype'
  });
}

/** RFC 8785 texts of JSON texts. */
export function jcs({texts}) {
  return texts.map(text => canonicalizeJson(JSON.parse(text)));
}
