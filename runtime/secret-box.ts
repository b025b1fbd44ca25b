/** Envelope encryption of channel credentials: a data key for each channel, wrapped by the installation's master key. */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const ivBytes = 12;
const tagBytes = 16;

/** The two columns of a channel row. */
export interface SealedCredentials {
  credentials: Buffer;
  credentialsKey: Buffer;
}

export interface SecretBox {
  /** Encrypts a JSON value under a fresh data key. */
  seal(channelId: string, plaintext: unknown): SealedCredentials;
  /** The JSON value; throws when the master key is another one, or the bytes were altered or belong to another channel. */
  open(channelId: string, sealed: SealedCredentials): unknown;
  /** Rotation: the same credentials with their data key under `next`'s master key; `credentials` keeps its bytes. */
  rewrap(channelId: string, sealed: SealedCredentials, next: Buffer): SealedCredentials;
}

/** A box under this master key (32 bytes). Each ciphertext is IV, tag and AES-256-GCM body, bound to channel and column. */
export function createSecretBox(masterKey: Buffer): SecretBox {
  const unwrap = (channelId: string, wrapped: Buffer): Buffer => decrypt(masterKey, wrapped, `${channelId}/credentials_key`);
  return {
    seal: (channelId, plaintext) => {
      const dataKey = randomBytes(32);
      return {
        credentials: encrypt(dataKey, Buffer.from(JSON.stringify(plaintext)), `${channelId}/credentials`),
        credentialsKey: encrypt(masterKey, dataKey, `${channelId}/credentials_key`),
      };
    },
    open: (channelId, { credentials, credentialsKey }) =>
      JSON.parse(decrypt(unwrap(channelId, credentialsKey), credentials, `${channelId}/credentials`).toString()) as unknown,
    rewrap: (channelId, { credentials, credentialsKey }, next) => ({
      credentials,
      credentialsKey: encrypt(next, unwrap(channelId, credentialsKey), `${channelId}/credentials_key`),
    }),
  };
}

function encrypt(key: Buffer, plaintext: Buffer, boundTo: string): Buffer {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(boundTo));
  const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), body]);
}

function decrypt(key: Buffer, sealed: Buffer, boundTo: string): Buffer {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, ivBytes), { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(boundTo)).setAuthTag(sealed.subarray(ivBytes, ivBytes + tagBytes));
    return Buffer.concat([decipher.update(sealed.subarray(ivBytes + tagBytes)), decipher.final()]);
  } catch {
    throw new Error('Channel credentials cannot be opened: WAYBILL_MASTER_KEY is not the key that they were stored under, or the row was altered.');
  }
}
