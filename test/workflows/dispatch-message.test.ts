import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { addClient, addEmailChannel, attemptsOf, buildHouse, type House, mail, runOf, submit, untilEnded } from '../support/house.js';
import { describeWithTemporal } from '../support/stack.js';

describeWithTemporal('dispatchMessage on email', () => {
  let house: House;
  let channelId: string;

  beforeAll(async () => {
    house = await buildHouse();
    channelId = await addEmailChannel(house);
  });
  afterAll(async () => await house?.tear());

  test('R2 the straight path: checked, rendered, handed over once, completed, in at most 15 events', async () => {
    const { clientId } = await addClient(house, [{ kind: 'email', value: 'plain@example.test' }]);
    const dispatchId = await submit(house, { clientId, channelId, content: mail('Straight') });
    const row = await untilEnded(house, dispatchId);
    expect(row).toMatchObject({ state: 'completed', endReason: null, messageStatus: 'sent', dispositionStatus: 'not_applicable' });
    expect(house.handedOver({ recipient: 'plain@example.test' })).toHaveLength(1);
    expect(await attemptsOf(house, dispatchId)).toMatchObject([{ attemptNo: 1, state: 'accepted' }]);
    await runOf(house, dispatchId).result();
    const history = await runOf(house, dispatchId).fetchHistory();
    expect(history.events!.length).toBeLessThanOrEqual(15);
  });
});
