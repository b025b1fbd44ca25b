import { randomBytes } from 'node:crypto';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { describe, expect, test } from '@jest/globals';
import { createCodec } from '../../runtime/codec.js';

const first = { id: 'first', key: randomBytes(32) };
const second = { id: 'second', key: randomBytes(32) };
const secret = 'ada@example.test';
const payloads = (...values: unknown[]): Payload[] => values.map((value) => defaultPayloadConverter.toPayload(value)!);
const values = (decoded: Payload[]) => decoded.map((one) => defaultPayloadConverter.fromPayload(one));

describe('the codec of Temporal payloads', () => {
  test('R116 what is encoded shows nothing of the value and comes back whole', async () => {
    const codec = createCodec([first]);
    const encoded = await codec.encode(payloads({ to: secret }, null, 'Grüße 👋'));
    expect(JSON.stringify(encoded.map((one) => Buffer.from(one.data!).toString('latin1')))).not.toContain(secret);
    expect(Buffer.from(encoded[0]!.metadata!['encoding']!).toString()).toBe('binary/encrypted');
    expect(values(await codec.decode(encoded))).toEqual([{ to: secret }, null, 'Grüße 👋']);
  });

  test('R116 the same value is never encoded into the same bytes twice', async () => {
    const codec = createCodec([first]);
    const [one, two] = await codec.encode(payloads('same', 'same'));
    expect(Buffer.from(one!.data!)).not.toEqual(Buffer.from(two!.data!));
  });

  test('R116 after a rotation the first key encrypts and the old one still decrypts', async () => {
    const old = await createCodec([first]).encode(payloads(secret));
    const rotated = createCodec([second, first]);
    const fresh = await rotated.encode(payloads(secret));
    expect(Buffer.from(fresh[0]!.metadata!['encryption-key-id']!).toString()).toBe('second');
    expect(values(await rotated.decode([...old, ...fresh]))).toEqual([secret, secret]);
  });

  test('R116 payloads that the codec did not encrypt pass through decoding', async () => {
    const plain = payloads('plain');
    expect(await createCodec([first]).decode(plain)).toEqual(plain);
  });

  test('R116 an unknown key and altered bytes are refused', async () => {
    const [encoded] = await createCodec([first]).encode(payloads(secret));
    await expect(createCodec([second]).decode([encoded!])).rejects.toThrow('WAYBILL_CODEC_KEYS');
    const altered = Buffer.from(encoded!.data!);
    altered[altered.length - 1]! ^= 1;
    await expect(createCodec([first]).decode([{ ...encoded!, data: altered }])).rejects.toThrow();
  });
});
