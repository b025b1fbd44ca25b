import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { createSecretBox } from '../../runtime/secret-box.js';

const masterKey = randomBytes(32);
const box = createSecretBox(masterKey);
const channelId = '01920000-0000-7000-8000-000000000001';
const credentials = { password: 'correct horse battery staple', token: 'ü' };

describe('the box of channel credentials', () => {
  test('R116 what is sealed shows nothing and opens again', () => {
    const sealed = box.seal(channelId, credentials);
    expect(Buffer.concat([sealed.credentials, sealed.credentialsKey]).includes('correct horse')).toBe(false);
    expect(box.open(channelId, sealed)).toEqual(credentials);
  });

  test('R116 every channel and every sealing has a data key of its own', () => {
    const [one, two] = [box.seal(channelId, credentials), box.seal(channelId, credentials)];
    expect(() => box.open(channelId, { credentials: one.credentials, credentialsKey: two.credentialsKey })).toThrow('cannot be opened');
  });

  test('R116 a row copied to another channel does not open', () => {
    expect(() => box.open('01920000-0000-7000-8000-000000000002', box.seal(channelId, credentials))).toThrow('cannot be opened');
  });

  test('R116 altered bytes, a cut tag and another master key are refused without a word of the content', () => {
    const sealed = box.seal(channelId, credentials);
    const altered = Buffer.from(sealed.credentials);
    altered[altered.length - 1]! ^= 1;
    const attempts = [
      () => box.open(channelId, { ...sealed, credentials: altered }),
      () => box.open(channelId, { ...sealed, credentials: sealed.credentials.subarray(0, 20) }),
      () => createSecretBox(randomBytes(32)).open(channelId, sealed),
    ];
    for (const attempt of attempts) expect(attempt).toThrow(/^Channel credentials cannot be opened: (?!.*horse)/);
  });

  test('R116 rotation of the master key leaves the credentials as they are and shuts the old key out', () => {
    const sealed = box.seal(channelId, credentials);
    const next = randomBytes(32);
    const rewrapped = box.rewrap(channelId, sealed, next);
    expect(rewrapped.credentials).toEqual(sealed.credentials);
    expect(createSecretBox(next).open(channelId, rewrapped)).toEqual(credentials);
    expect(() => box.open(channelId, rewrapped)).toThrow('cannot be opened');
  });
});
