// Has programs of others, in JavaScript, check cards, status lists and credentials.
//
// usage: node credentials.mjs FOLDER
//
// FOLDER/cases.json is what credentials.py reads. Of its cases those are checked that have a program here. Stands where
// package.json beside it was installed. Prints a line for each; ends with 1 where one says something else.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';

const folder = process.argv[2];

const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';

const hold = (right, what) => {
  if (!right) throw new Error(`Refused: ${what}`);
};

const key = (c) => Buffer.from(c.key, 'hex');

const jwk = (c) => ({ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', x: key(c).toString('base64url') });

const text = (c) => readFileSync(join(folder, c.file), 'utf8');

function unbase45(said) {
  const out = [];
  for (let at = 0; at < said.length; at += 3) {
    const digits = [...said.slice(at, at + 3)].map((letter) => LETTERS.indexOf(letter));
    hold(digits.length > 1 && digits.every((digit) => digit >= 0), 'no Base45');
    const value = digits.reduceRight((sum, digit) => sum * 45 + digit, 0);
    hold(value < 1 << (8 * (digits.length - 1)), 'no Base45');
    if (digits.length === 3) out.push(value >> 8);
    out.push(value & 255);
  }
  return Buffer.from(out);
}

/** A CWT, its claims, once @auth0/cose says that the issuer signed it. A tag of CWT around it is for whoever reads it. */
async function cwt(bytes, c) {
  const { Sign1 } = await import('@auth0/cose');
  const { Decoder } = await import('cbor-x');
  const { importJWK } = await import('jose');
  const inner = bytes[0] === 0xd8 && bytes[1] === 61 ? bytes.subarray(2) : bytes;
  const message = Sign1.decode(inner);
  await message.verify(await importJWK(jwk(c)));
  return new Decoder({ mapsAsObjects: false }).decode(message.payload);
}

const bit = (bits, index) => (bits[index >> 3] >> (index & 7)) & 1;

async function card(c) {
  const claims = await cwt(inflateSync(unbase45(text(c))), c);
  hold(claims.get(169).get(1) === c.id, 'another id');
}

async function cwtList(c) {
  const claims = await cwt(readFileSync(join(folder, c.file)), c);
  hold(claims.get(2) === c.uri, 'another list');
  const bits = inflateSync(claims.get(65533).get('lst'));
  for (const [index, status] of c.entries) hold(bit(bits, index) === status, `entry ${index}`);
}

async function jwtList(c) {
  const { importJWK, jwtVerify } = await import('jose');
  const asked = { algorithms: ['EdDSA'], typ: 'statuslist+jwt', subject: c.uri };
  const { payload } = await jwtVerify(text(c), await importJWK(jwk(c)), asked);
  const bits = inflateSync(Buffer.from(payload.status_list.lst, 'base64url'));
  for (const [index, status] of c.entries) hold(bit(bits, index) === status, `entry ${index}`);
}

async function w3c(c) {
  const document = JSON.parse(text(c));
  const { DataIntegrityProof } = await import('@digitalbazaar/data-integrity');
  const { createVerifyCryptosuite } = await import('@digitalbazaar/eddsa-jcs-2022-cryptosuite');
  const { encode } = await import('base58-universal');
  const { default: signatures } = await import('jsonld-signatures');
  const id = document.proof.verificationMethod;
  const controller = id.split('#')[0];
  // The key is the one we were told of, whatever the document says of its own.
  const publicKeyMultibase = `z${encode(Buffer.concat([Buffer.from([0xed, 0x01]), key(c)]))}`;
  const context = 'https://w3id.org/security/multikey/v1';
  const method = { '@context': context, id, type: 'Multikey', controller, publicKeyMultibase };
  const owner = { '@context': 'https://www.w3.org/ns/did/v1', id: controller, assertionMethod: [id] };
  const documentLoader = async (url) => {
    const found = { [id]: method, [controller]: owner }[url];
    hold(found, `nothing is fetched: ${url}`);
    return { contextUrl: null, documentUrl: url, document: found };
  };
  // That program holds the terms of proof and document against each other by identity: the same ones are given as one.
  const [own, whole] = [document.proof['@context'], document['@context']];
  if (JSON.stringify(own) === JSON.stringify(whole)) document.proof['@context'] = whole;
  const suite = new DataIntegrityProof({ cryptosuite: createVerifyCryptosuite() });
  const purpose = new signatures.purposes.AssertionProofPurpose({ controller: owner });
  const read = await signatures.verify(document, { suite, purpose, documentLoader });
  if (!read.verified) throw read.error.errors?.[0] ?? read.error;
}

async function bitstring(c) {
  await w3c(c);
  const { Bitstring } = await import('@digitalbazaar/bitstring');
  const encoded = JSON.parse(text(c)).credentialSubject.encodedList;
  const bits = new Bitstring({ buffer: await Bitstring.decodeBits({ encoded: encoded.slice(1) }) });
  for (const [index, status] of c.entries) hold(bits.get(index) === (status === 1), `entry ${index}`);
}

async function sdJwt(c) {
  const { SDJwtInstance } = await import('@sd-jwt/core');
  const { compactVerify, importJWK } = await import('jose');
  const by = async (jwk, data, signature) => {
    const verified = compactVerify(`${data}.${signature}`, await importJWK(jwk, 'EdDSA'));
    return verified.then(() => true, () => false);
  };
  const reader = new SDJwtInstance({
    hasher: (data, algorithm) => {
      hold(algorithm.toLowerCase() === 'sha-256', algorithm);
      return new Uint8Array(createHash('sha256').update(Buffer.from(data)).digest());
    },
    verifier: (data, signature) => by(jwk(c), data, signature),
    kbVerifier: (data, signature, payload) => by(payload.cnf.jwk, data, signature),
  });
  const read = await reader.verify(text(c), { keyBindingNonce: c.nonce });
  hold(read.kb.payload.aud === c.audience, 'another audience');
  for (const [name, value] of Object.entries(c.shown)) {
    hold(JSON.stringify(read.payload[name]) === JSON.stringify(value), 'other claims');
  }
}

/** By the name of the Python program that is given the same. */
const PROGRAMS = {
  pycose: ['@auth0/cose', card],
  'cwt list': ['@auth0/cose', cwtList],
  'jwt list': ['jose', jwtList],
  w3c: ['@digitalbazaar/data-integrity', w3c],
  bitstring: ['@digitalbazaar/bitstring', bitstring],
  'sd-jwt': ['@sd-jwt/core', sdJwt],
};

let wrong = 0;
for (const c of JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8'))) {
  if (!(c.by in PROGRAMS)) continue;
  const [name, program] = PROGRAMS[c.by];
  let [accepted, why] = [true, ''];
  try {
    await program(c);
  } catch (fault) {
    if (['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes(fault.code)) throw fault;
    [accepted, why] = [false, ` (${fault.message})`];
  }
  wrong += accepted !== c.accept;
  const said = accepted ? 'accepts' : 'refuses';
  console.log(`${accepted === c.accept ? 'right' : 'WRONG'}: ${name} ${said} ${c.file}${why}`);
}
process.exit(wrong ? 1 : 0);
