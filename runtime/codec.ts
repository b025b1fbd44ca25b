/** Encrypts everything that Waybill puts into Temporal's history: AES-256-GCM with a key id (R116). */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import type { CodecKey } from './config.js';

const encrypted = Buffer.from('binary/encrypted');
const ivBytes = 12;
const tagBytes = 16;

/**
 * A codec that encrypts under the first key and decrypts under any of them, found by the id in the payload's metadata; old keys stay
 * on the list until Temporal's retention has passed. Payloads that it did not encrypt pass through decoding unchanged. Decoding throws
 * when the key is not on the list or the bytes were altered. `data` is IV, tag and ciphertext of the whole serialised payload.
 */
export function createCodec(keys: readonly CodecKey[]): PayloadCodec {
  const [current] = keys;
  if (current === undefined) throw new Error('A codec needs at least one key.');
  const byId = new Map(keys.map((one) => [one.id, one.key]));
  return {
    encode: async (payloads) => payloads.map((payload) => encrypt(payload, current)),
    decode: async (payloads) => payloads.map((payload) => (isEncrypted(payload) ? decrypt(payload, byId) : payload)),
  };
}

function encrypt(payload: Payload, { id, key }: CodecKey): Payload {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  const body = Buffer.concat([cipher.update(proto.temporal.api.common.v1.Payload.encode(payload).finish()), cipher.final()]);
  return { metadata: { encoding: encrypted, 'encryption-key-id': Buffer.from(id) }, data: Buffer.concat([iv, cipher.getAuthTag(), body]) };
}

function isEncrypted(payload: Payload): boolean {
  return encrypted.equals(payload.metadata?.['encoding'] ?? Buffer.alloc(0));
}

function decrypt(payload: Payload, keys: ReadonlyMap<string, Buffer>): Payload {
  const id = Buffer.from(payload.metadata?.['encryption-key-id'] ?? []).toString();
  const key = keys.get(id);
  if (key === undefined) throw new Error('A payload was encrypted under a codec key that is not in WAYBILL_CODEC_KEYS.');
  const data = Buffer.from(payload.data ?? []);
  const decipher = createDecipheriv('aes-256-gcm', key, data.subarray(0, ivBytes), { authTagLength: tagBytes });
  decipher.setAuthTag(data.subarray(ivBytes, ivBytes + tagBytes));
  return proto.temporal.api.common.v1.Payload.decode(Buffer.concat([decipher.update(data.subarray(ivBytes + tagBytes)), decipher.final()]));
}
