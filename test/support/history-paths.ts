/** Every path of `dispatchMessage`, driven on the real stack: what the recorder of histories records. */

import { eq, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import { loadStart } from '../../db/outbox.js';
import * as schema from '../../db/schema/index.js';
import { addRevision, type NewRevisionRow } from '../../db/submit.js';
import { type ChannelPolicy, ladder } from '../../domain/channel.js';
import type { Disposition } from '../../domain/disposition.js';
import * as contract from '../../workflows/dispatch-message.contract.js';
import {
  addClient,
  addEmailChannel,
  addTemplate,
  addWhatsappChannel,
  type Ask,
  attemptsOf,
  buildHouse,
  chat,
  clientWrites,
  find,
  freshPhone,
  type House,
  mail,
  openWindow,
  report,
  runOf,
  say,
  submit,
  untilWaiting,
} from './house.js';
import { until } from './stack.js';

/** Drives one dispatch as far as its history is to be recorded; its id. */
export type Path = () => Promise<string>;

const by = { actorId: 'agent-2' };
const close: Disposition = { kind: 'close' };
const windowClosed = { class: 'outside_window', scope: 'recipient', provider: { code: '131047' } } as const;

/** Wide rungs, so that a busy machine takes no path for another; milliseconds. */
const calm: Partial<ChannelPolicy> = {
  ladder: ladder({ connectMs: 2_000, replyMs: 6_000, exchangeMs: 8_000, heartbeatMs: 1_000 }),
  retry: { deadlineMs: 60_000, initialMs: 200, maximumMs: 1_000 },
  lane: 'queued',
};
const longBackOff = { deadlineMs: 120_000, initialMs: 50_000, maximumMs: 50_000 };

/** Senders that the database meddles with: what a fault or a bad moment would do, at the same place every time. */
const meddled = { slow: 'agent-slow', blocked: 'agent-blocked', unclaimed: 'agent-unclaimed', unrecorded: 'agent-unrecorded' } as const;

const meddling = `
  create function meddle() returns trigger language plpgsql as $$
  declare who text := (select sender_id from dispatches where id = new.dispatch_id);
  begin
    if tg_table_name = 'dispatch_revisions' then
      -- Longer than a workflow task may take without a sign of life, shorter than a statement may.
      if who = '${meddled.slow}' then perform pg_sleep(9); end if;
      if who = '${meddled.blocked}' then
        insert into blocks (id, client_id, origin) select gen_random_uuid(), client_id, 'staff' from dispatches where id = new.dispatch_id;
      end if;
    elsif tg_op = 'INSERT' then
      if who = '${meddled.unclaimed}' and new.state = 'sending' and new.attempt_no = 1 then raise 'not claimed'; end if;
    elsif who = '${meddled.unrecorded}' and clock_timestamp() < new.started_at + interval '4 seconds' then raise 'not recorded';
    end if;
    return new;
  end $$;
  create trigger meddle before update on dispatch_revisions for each row when (new.rendered is not null) execute function meddle();
  create trigger meddle before insert or update on attempts for each row execute function meddle();`;

/** A house whose channels, clients and words the paths share. */
async function furnish(house: House) {
  await house.db.execute(sql.raw(meddling));
  await house.control('PUT', '/receipt-behaviour', { mode: 'none' });
  await house.db.insert(schema.transferTargets).values({ type: 'group', id: 'billing', name: 'Billing' });
  const email = await addEmailChannel(house, calm);
  const slowEmail = await addEmailChannel(house, { ...calm, retry: longBackOff });
  const parkingEmail = await addEmailChannel(house, { ...calm, onUnknown: 'park' });
  const expressEmail = await addEmailChannel(house, { ...calm, lane: 'auto' });
  const narrowEmail = await addEmailChannel(house, { ...calm, lane: 'auto', maxInFlight: 1 });
  const expressWhatsapp = await addWhatsappChannel(house, { ...calm, lane: 'auto', receiptWindowMs: 60_000 }, '700800901');
  const whatsapp = await addWhatsappChannel(house, { ...calm, receiptWindowMs: 60_000, unknownWaitMs: 60_000 });
  const hastyWhatsapp = await addWhatsappChannel(house, { ...calm, receiptWindowMs: 400, unknownWaitMs: 400 }, '700800900');

  const windowsOn = async (channelId: string, points: string[]): Promise<void> => {
    for (const point of points) await openWindow(house, channelId, point);
  };
  const send = (clientId: string, channelId: string, more: Partial<Ask> = {}): Promise<string> => submit(house, { clientId, channelId, ...more });
  const sendMail = async (address: string, channelId = email, more: Partial<Ask> = {}): Promise<string> => {
    const { clientId } = await addClient(house, [{ kind: 'email', value: `${address}@example.test` }]);
    return await send(clientId, channelId, more);
  };
  const sendChat = async (more: Partial<Ask> & { ending?: string } = {}): Promise<{ dispatchId: string; phone: string }> => {
    const { ending, channelId = whatsapp, ...ask } = more;
    const phone = freshPhone(ending);
    const { clientId, points } = await addClient(house, [{ kind: 'phone', value: phone }]);
    await windowsOn(channelId, points);
    return { dispatchId: await send(clientId, channelId, { content: chat(), disposition: close, ...ask }), phone };
  };
  const askOfTwo = async (more: Partial<Ask> = {}): Promise<{ dispatchId: string; clientId: string; phone: string; points: string[] }> => {
    const phone = freshPhone();
    const { clientId, points } = await addClient(house, [
      { kind: 'phone', value: phone },
      { kind: 'phone', value: freshPhone() },
    ]);
    await windowsOn(whatsapp, points);
    return { dispatchId: await send(clientId, whatsapp, { content: chat(), disposition: close, ...more }), clientId, phone, points };
  };
  const revise = (dispatchId: string, row: Partial<NewRevisionRow>): Promise<number> =>
    addRevision(house.db, dispatchId, {
      channelId: email,
      contactPointId: null,
      recipientPolicy: 'ask',
      content: mail(),
      templateVersion: null,
      disposition: null,
      tagIds: [],
      createdBy: by.actorId,
      ...row,
    });
  /** Says something that must be answered like this. */
  const told = async <A extends unknown[]>(answer: string, dispatchId: string, update: Parameters<typeof say<A>>[2], ...args: A): Promise<void> => {
    const got = await say(house, dispatchId, update, ...args);
    if (got !== answer) throw new Error(`Answered ${got} instead of ${answer}.`);
  };
  const waits = async (dispatchId: string, waitingFor: string): Promise<void> => void (await untilWaiting(house, dispatchId, waitingFor));
  const sends = async (dispatchId: string): Promise<void> =>
    void (await until(async () => (await attemptsOf(house, dispatchId)).some((one) => one.state === 'sending'), { what: 'the send to begin' }));
  const slowDown = (channel: 'email' | 'whatsapp', recipient: string, what: Record<string, unknown>): Promise<unknown> =>
    house.control('POST', '/faults', { channel, recipient, do: what });
  const channels = { email, slowEmail, parkingEmail, expressEmail, narrowEmail, whatsapp, hastyWhatsapp, expressWhatsapp };
  return { house, ...channels, send, sendMail, sendChat, askOfTwo, revise, told, waits, sends, slowDown };
}

type World = Awaited<ReturnType<typeof furnish>>;

/** The paths that share one house and need no order. */
export async function commonPaths(house: House): Promise<Record<string, Path>> {
  const world = await furnish(house);
  return {
    ...straight(world),
    ...express(world),
    ...choices(world),
    ...decisions(world),
    ...backOffs(world),
    ...doubts(world),
    ...dispositions(world),
    ...stopped(world),
    ...open(world),
  };
}

const straight = ({ house, sendMail, sendChat, waits, hastyWhatsapp }: World): Record<string, Path> => ({
  email: () => sendMail('plain'),
  'whatsapp-close': async () => {
    const { dispatchId } = await sendChat();
    await waits(dispatchId, 'receipt');
    await report(house, dispatchId, 'sent');
    return dispatchId;
  },
  'whatsapp-assign-self': async () => {
    const { dispatchId } = await sendChat({ disposition: { kind: 'assign_self' } });
    await waits(dispatchId, 'receipt');
    await report(house, dispatchId, 'delivered');
    return dispatchId;
  },
  'whatsapp-transfer': async () => {
    const { dispatchId } = await sendChat({ disposition: { kind: 'transfer', target: { type: 'group', id: 'billing' }, comment: 'please look' } });
    await waits(dispatchId, 'receipt');
    await report(house, dispatchId, 'read');
    return dispatchId;
  },
  'receipt-window-over': async () => (await sendChat({ channelId: hastyWhatsapp })).dispatchId,
  'rejected-at-first-check': async () => {
    const { clientId } = await addClient(house, []);
    return await submit(house, { clientId, channelId: hastyWhatsapp, content: chat(), disposition: close });
  },
  'not-rendered': async () => {
    // Its text uses a variable that it does not declare, so only rendering can tell.
    const templateId = await addTemplate(house, { channelId: null, origin: 'own', name: 'undeclared', subject: 'S', body: '{{ who }}' });
    return await sendMail('not-rendered', undefined, { content: { kind: 'template', templateId, variables: {} }, templateVersion: 1 });
  },
});

const express = ({ house, sendMail, sendChat, waits, sends, expressEmail, narrowEmail, expressWhatsapp }: World): Record<string, Path> => ({
  'express-email': () => sendMail('express', expressEmail),
  'express-whatsapp': async () => {
    const { dispatchId } = await sendChat({ channelId: expressWhatsapp });
    await waits(dispatchId, 'receipt');
    await report(house, dispatchId, 'sent');
    return dispatchId;
  },
  // The run does not wait for an answer that takes longer than its task may.
  'express-slow': () => sendMail('slow-3000+express', expressEmail),
  'express-refused-then-queued': () => sendMail('busy-1+express', expressEmail),
  'express-busy-then-queued': async () => {
    await sends(await sendMail('slow-4000+narrow', narrowEmail));
    return await sendMail('narrow', narrowEmail);
  },
});

const choices = ({ house, askOfTwo, told, waits, whatsapp }: World): Record<string, Path> => {
  const cancelled = async (): Promise<string> => {
    const { dispatchId } = await askOfTwo();
    await waits(dispatchId, 'recipient');
    await told('taken', dispatchId, contract.cancel, by);
    return dispatchId;
  };
  return {
    'choice-by-update': async () => {
      const { dispatchId, points } = await askOfTwo();
      await waits(dispatchId, 'recipient');
      await told('taken', dispatchId, contract.chooseRecipient, { contactPointId: points[1]!, ...by });
      await waits(dispatchId, 'receipt');
      await report(house, dispatchId, 'sent');
      return dispatchId;
    },
    'choice-by-signal': async () => {
      const { dispatchId, points } = await askOfTwo();
      await waits(dispatchId, 'recipient');
      await runOf(house, dispatchId).signal(contract.chooseRecipientSignal, { contactPointId: points[0]!, ...by });
      await waits(dispatchId, 'receipt');
      await report(house, dispatchId, 'sent');
      return dispatchId;
    },
    'choice-refused-then-taken': async () => {
      const { dispatchId, clientId, points } = await askOfTwo();
      await waits(dispatchId, 'recipient');
      await house.db.insert(schema.blocks).values({ id: uuidv7(), clientId, channelId: whatsapp, contactPointId: points[0], origin: 'provider' });
      await told('CHOICE_INVALID', dispatchId, contract.chooseRecipient, { contactPointId: points[0]!, ...by });
      await waits(dispatchId, 'recipient');
      await told('taken', dispatchId, contract.chooseRecipient, { contactPointId: points[1]!, ...by });
      await waits(dispatchId, 'receipt');
      await report(house, dispatchId, 'sent');
      return dispatchId;
    },
    'choice-refused-by-signal': async () => {
      const { dispatchId, points } = await askOfTwo();
      await waits(dispatchId, 'recipient');
      await runOf(house, dispatchId).signal(contract.chooseRecipientSignal, { contactPointId: uuidv7(), ...by });
      await until(async () => await eventTold(house, dispatchId, 'recipient.refused'), { what: 'the refused pick' });
      await waits(dispatchId, 'recipient');
      await told('taken', dispatchId, contract.chooseRecipient, { contactPointId: points[0]!, ...by });
      await waits(dispatchId, 'receipt');
      await report(house, dispatchId, 'sent');
      return dispatchId;
    },
    'choice-expired': async () => (await askOfTwo({ deadlines: { choiceMs: 300 } })).dispatchId,
    // Before `word-before-end` a run ended in the task in which somebody had spoken, with it in one task more.
    'choice-cancelled': cancelled,
    'choice-cancelled-word-kept': cancelled,
  };
};

const decisions = ({ house, send, sendChat, askOfTwo, revise, told, waits, whatsapp, email }: World): Record<string, Path> => {
  /** The client writes while the choice is open. */
  const race = async (more: Partial<Ask> = {}): Promise<{ dispatchId: string; clientId: string }> => {
    const { dispatchId, clientId, phone, points } = await askOfTwo(more);
    await waits(dispatchId, 'recipient');
    await clientWrites(house, whatsapp, { kind: 'phone', value: phone });
    await told('taken', dispatchId, contract.chooseRecipient, { contactPointId: points[0]!, ...by });
    return { dispatchId, clientId };
  };
  /** A template of ours is paused while the choice is open. */
  const pause = async (more: Partial<Ask> = {}): Promise<string> => {
    const templateId = await addTemplate(house, { channelId: null, origin: 'own', name: uuidv7(), subject: 'S', body: 'Text' });
    const { clientId, points } = await addClient(house, [
      { kind: 'email', value: `${templateId}-a@example.test` },
      { kind: 'email', value: `${templateId}-b@example.test` },
    ]);
    const dispatchId = await send(clientId, email, { content: { kind: 'template', templateId, variables: {} }, templateVersion: 1, ...more });
    await waits(dispatchId, 'recipient');
    await house.db.update(schema.templates).set({ status: 'paused' }).where(eq(schema.templates.id, templateId));
    await told('taken', dispatchId, contract.chooseRecipient, { contactPointId: points[0]!, ...by });
    return dispatchId;
  };
  return {
    'race-then-restart': async () => {
      const { dispatchId, clientId } = await race();
      await waits(dispatchId, 'decision');
      await house.db
        .insert(schema.contactPoints)
        .values({ id: uuidv7(), clientId, kind: 'email', value: 'race@example.test', address: 'race@example.test', position: 9 });
      await told('taken', dispatchId, contract.restart, { revision: await revise(dispatchId, {}), ...by });
      return dispatchId;
    },
    'race-then-cancel': async () => {
      const { dispatchId } = await race();
      await waits(dispatchId, 'decision');
      await told('taken', dispatchId, contract.cancel, by);
      return dispatchId;
    },
    'race-of-a-service': async () => (await race({ role: 'service' })).dispatchId,
    'decision-expired': async () => (await race({ deadlines: { decisionMs: 300 } })).dispatchId,
    'needs-template-then-provided': async () => {
      const dispatchId = await pause();
      await waits(dispatchId, 'template');
      await told('taken', dispatchId, contract.provideTemplate, { revision: await revise(dispatchId, {}), ...by });
      await waits(dispatchId, 'recipient');
      const { verdict } = await find(house, dispatchId);
      await told('taken', dispatchId, contract.chooseRecipient, { contactPointId: verdict!.candidates[0]!.contactPointId, ...by });
      return dispatchId;
    },
    'template-expired': () => pause({ deadlines: { decisionMs: 300 } }),
    'late-refusal-then-template': async () => {
      const templateId = await addTemplate(house, { channelId: whatsapp, origin: 'registered', name: 'come_back', body: 'Come back' });
      const { dispatchId } = await sendChat();
      await waits(dispatchId, 'receipt');
      await report(house, dispatchId, 'failed', windowClosed);
      await waits(dispatchId, 'template');
      const revision = await revise(dispatchId, {
        channelId: whatsapp,
        content: { kind: 'template', templateId, variables: {} },
        templateVersion: 1,
        disposition: close,
      });
      await told('taken', dispatchId, contract.provideTemplate, { revision, ...by });
      await waits(dispatchId, 'receipt');
      await report(house, dispatchId, 'delivered');
      return dispatchId;
    },
    'late-refusal-then-cancel': async () => {
      const { dispatchId } = await sendChat();
      await waits(dispatchId, 'receipt');
      await report(house, dispatchId, 'failed', windowClosed);
      await waits(dispatchId, 'template');
      await told('taken', dispatchId, contract.cancel, by);
      return dispatchId;
    },
    'late-refusal-of-a-service': async () => {
      const { dispatchId } = await sendChat({ role: 'service' });
      await waits(dispatchId, 'receipt');
      await report(house, dispatchId, 'failed', windowClosed);
      return dispatchId;
    },
  };
};

const backOffs = ({ house, sendMail, sendChat, revise, told, waits, sends, slowDown, slowEmail, email, whatsapp }: World): Record<string, Path> => ({
  'refused-for-good': () => sendMail('bounce+history'),
  'back-off-then-sent': () => sendMail('busy-1+history'),
  'back-off-retry-now': async () => {
    const dispatchId = await sendMail('busy-1+now', slowEmail);
    await waits(dispatchId, 'retry');
    await told('taken', dispatchId, contract.retryNow, by);
    return dispatchId;
  },
  'back-off-change-channel': async () => {
    const dispatchId = await sendMail('busy-1+change', slowEmail);
    await waits(dispatchId, 'retry');
    await told('taken', dispatchId, contract.changeChannel, { revision: await revise(dispatchId, { channelId: email }), ...by });
    return dispatchId;
  },
  'back-off-abandon': async () => {
    const dispatchId = await sendMail('busy-9+abandon', slowEmail);
    await waits(dispatchId, 'retry');
    await told('taken', dispatchId, contract.abandon, by);
    return dispatchId;
  },
  'back-off-client-writes': async () => {
    const { dispatchId, phone } = await sendChat({ ending: '0429' });
    await waits(dispatchId, 'retry');
    await clientWrites(house, whatsapp, { kind: 'phone', value: phone });
    await waits(dispatchId, 'decision');
    await told('taken', dispatchId, contract.cancel, by);
    return dispatchId;
  },
  'retries-exhausted': async () => {
    // Whatever the jitter: the first back-off fits into the deadline, the second, twice as long, does not.
    const impatient = await addEmailChannel(house, { ...calm, retry: { deadlineMs: 3_500, initialMs: 1_500, maximumMs: 60_000 } });
    return await sendMail('busy-999+history', impatient);
  },
  'channel-busy': async () => {
    const narrow = await addEmailChannel(house, { ...calm, maxInFlight: 1 });
    await sends(await sendMail('slow-4000+busy', narrow));
    return await sendMail('turned-away', narrow);
  },
  'changed-too-late': async () => {
    const dispatchId = await sendMail('slow-2000+change');
    await sends(dispatchId);
    await told('TOO_LATE', dispatchId, contract.changeChannel, { revision: await revise(dispatchId, { channelId: slowEmail }), ...by });
    return dispatchId;
  },
  'abandoned-while-sending': async () => {
    await slowDown('email', 'given-up@example.test', { reply: '451 4.7.1 busy', delayMs: 2_000 });
    const dispatchId = await sendMail('given-up');
    await sends(dispatchId);
    await told('taken', dispatchId, contract.abandon, by);
    return dispatchId;
  },
  'blocked-before-the-claim': () => sendMail('blocked', email, { senderId: meddled.blocked }),
  'claim-not-recorded': () => sendMail('unclaimed', email, { senderId: meddled.unclaimed }),
  'answer-not-recorded': () => sendMail('unrecorded', email, { senderId: meddled.unrecorded }),
});

const doubts = ({ house, sendMail, sendChat, revise, told, waits, sends, slowDown, parkingEmail, hastyWhatsapp }: World): Record<string, Path> => {
  const parked = async (address: string, more: Partial<Ask> = {}): Promise<string> => {
    const dispatchId = await sendMail(address, parkingEmail, more);
    await waits(dispatchId, 'outcome');
    return dispatchId;
  };
  const resolve = async (dispatchId: string, outcome: contract.OutcomeResolution['outcome']): Promise<string> => {
    await told('taken', dispatchId, contract.resolveOutcome, { outcome, sendEpoch: 1, ...by });
    return dispatchId;
  };
  return {
    'in-doubt-resent': () => sendMail('drop+resent'),
    'in-doubt-resent-until-parked': async () => {
      const dispatchId = await sendMail('drop-always+resent');
      await waits(dispatchId, 'outcome');
      return await resolve(dispatchId, 'sent');
    },
    'in-doubt-receipt-releases': async () => {
      const { dispatchId } = await sendChat({ ending: '0001' });
      await waits(dispatchId, 'outcome');
      await report(house, dispatchId, 'delivered');
      return dispatchId;
    },
    'in-doubt-resolved': async () => {
      const { dispatchId } = await sendChat({ ending: '0001' });
      await waits(dispatchId, 'outcome');
      await resolve(dispatchId, 'sent');
      await waits(dispatchId, 'receipt');
      await report(house, dispatchId, 'sent');
      return dispatchId;
    },
    'in-doubt-then-resent': async () => {
      const resending = await addWhatsappChannel(house, { ...calm, receiptWindowMs: 400, unknownWaitMs: 400, onUnknown: 'resend' }, '700800901');
      return (await sendChat({ ending: '0001', channelId: resending })).dispatchId;
    },
    'in-doubt-then-parked': async () => {
      const { dispatchId } = await sendChat({ ending: '0001', channelId: hastyWhatsapp });
      await until(async () => (await attemptsOf(house, dispatchId)).some((one) => one.state === 'parked'), { what: 'the attempt to be parked' });
      await waits(dispatchId, 'outcome');
      return await resolve(dispatchId, 'sent');
    },
    'changed-in-doubt': async () => {
      await slowDown('email', 'changed@example.test', { drop: 'after', delayMs: 2_000 });
      const dispatchId = await sendMail('changed', parkingEmail);
      await sends(dispatchId);
      await told('NOT_WAITING', dispatchId, contract.changeChannel, { revision: await revise(dispatchId, {}), ...by });
      await waits(dispatchId, 'outcome');
      return await resolve(dispatchId, 'sent');
    },
    'parked-sent': async () => await resolve(await parked('drop+sent'), 'sent'),
    'parked-not-sent': async () => await resolve(await parked('drop+not-sent'), 'not_sent'),
    'parked-resend': async () => await resolve(await parked('drop+resend'), 'resend'),
    'parked-abandoned': async () => {
      const dispatchId = await parked('drop+abandoned');
      await told('taken', dispatchId, contract.abandon, by);
      return dispatchId;
    },
    'parked-receipt-releases': async () => {
      const { dispatchId } = await sendChat({ ending: '0001', channelId: hastyWhatsapp });
      await until(async () => (await attemptsOf(house, dispatchId)).some((one) => one.state === 'parked'), { what: 'the attempt to be parked' });
      await waits(dispatchId, 'outcome');
      await report(house, dispatchId, 'delivered');
      return dispatchId;
    },
    'parked-expired': () => sendMail('drop+expired', parkingEmail, { deadlines: { outcomeMs: 300 } }),
  };
};

const dispositions = ({ house, sendChat, told, waits, sends, slowDown, whatsapp }: World): Record<string, Path> => {
  const lost: Disposition = { kind: 'transfer', target: { type: 'group', id: 'nobody' } };
  return {
    'disposition-failed-then-set': async () => {
      const { dispatchId } = await sendChat({ disposition: lost });
      await waits(dispatchId, 'disposition');
      await told('TRANSFER_TARGET_UNKNOWN', dispatchId, contract.setDisposition, { disposition: lost, ...by });
      await waits(dispatchId, 'disposition');
      await told('taken', dispatchId, contract.setDisposition, { disposition: close, ...by });
      await waits(dispatchId, 'receipt');
      await report(house, dispatchId, 'sent');
      return dispatchId;
    },
    'disposition-expired': async () => {
      const { dispatchId } = await sendChat({ disposition: lost, deadlines: { decisionMs: 300 } });
      await waits(dispatchId, 'receipt');
      await report(house, dispatchId, 'sent');
      return dispatchId;
    },
    'disposition-client-wrote': async () => {
      const phone = freshPhone();
      const { clientId, points } = await addClient(house, [{ kind: 'phone', value: phone }]);
      await openWindow(house, whatsapp, points[0]!);
      await slowDown('whatsapp', phone, { delayMs: 2_000, receipts: 'none' });
      const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
      await sends(dispatchId);
      await clientWrites(house, whatsapp, { kind: 'phone', value: phone });
      await waits(dispatchId, 'receipt');
      await report(house, dispatchId, 'sent');
      return dispatchId;
    },
  };
};

const stopped = ({ house, sendMail, sendChat, askOfTwo, told, waits, sends }: World): Record<string, Path> => ({
  'cancelled-while-rendering': async () => {
    const dispatchId = await sendMail('slow', undefined, { senderId: meddled.slow });
    await until(async () => (await find(house, dispatchId)).state === 'checking', { what: 'the check' });
    await told('taken', dispatchId, contract.cancel, by);
    return dispatchId;
  },
  'cancelled-in-temporal-while-waiting': async () => {
    const { dispatchId } = await askOfTwo();
    await waits(dispatchId, 'recipient');
    await runOf(house, dispatchId).cancel();
    return dispatchId;
  },
  'cancelled-in-temporal-while-sending': async () => {
    const dispatchId = await sendMail('slow-2000+stopped');
    await sends(dispatchId);
    await runOf(house, dispatchId).cancel();
    return dispatchId;
  },
  'cancelled-in-temporal-before-the-record': async () => {
    const dispatchId = await sendMail('slow-2000+unrecorded', undefined, { senderId: meddled.unrecorded });
    await sends(dispatchId);
    await runOf(house, dispatchId).cancel();
    return dispatchId;
  },
  'reset-after-acceptance': async () => {
    const { dispatchId } = await sendChat();
    await waits(dispatchId, 'receipt');
    await resetToStart(house, dispatchId);
    await report(house, dispatchId, 'sent');
    return dispatchId;
  },
});

/** Recorded while they stand; the names begin with `open-`. */
const open = ({ sendMail, sendChat, askOfTwo, waits, sends, slowEmail, parkingEmail }: World): Record<string, Path> => {
  const standing = async (dispatchId: string, waitingFor: string): Promise<string> => {
    await waits(dispatchId, waitingFor);
    return dispatchId;
  };
  return {
    'open-recipient': async () => await standing((await askOfTwo()).dispatchId, 'recipient'),
    'open-sending': async () => {
      const dispatchId = await sendMail('slow-4000+open');
      await sends(dispatchId);
      return dispatchId;
    },
    'open-back-off': async () => await standing(await sendMail('busy-9+open', slowEmail), 'retry'),
    'open-in-doubt': async () => await standing((await sendChat({ ending: '0001' })).dispatchId, 'outcome'),
    'open-parked': async () => await standing(await sendMail('drop+open', parkingEmail), 'outcome'),
    'open-disposition': async () =>
      await standing((await sendChat({ disposition: { kind: 'transfer', target: { type: 'group', id: 'nobody' } } })).dispatchId, 'disposition'),
    'open-receipt': async () => await standing((await sendChat()).dispatchId, 'receipt'),
  };
};

async function eventTold(house: House, dispatchId: string, type: string): Promise<boolean> {
  const rows = await house.db.select({ type: schema.events.type }).from(schema.events).where(eq(schema.events.dispatchId, dispatchId));
  return rows.some((row) => row.type === type);
}

/** Back to the first workflow task, as an operator would in Temporal Web; resolves when the new run waits where the old one did. */
async function resetToStart(house: House, dispatchId: string): Promise<void> {
  const { workflow, connection, options } = house.temporal;
  const workflowId = contract.dispatchWorkflowId(dispatchId);
  const { runId } = await runOf(house, dispatchId).describe();
  const reset = await connection.workflowService.resetWorkflowExecution({
    namespace: options.namespace,
    workflowExecution: { workflowId, runId },
    // A plain number is encoded as well as the `Long` of its type.
    workflowTaskFinishEventId: 4 as never,
    requestId: uuidv7(),
    reason: 'the history of a reset',
  });
  const waits = async (): Promise<boolean> =>
    (await workflow.getHandle(workflowId, reset.runId).fetchHistory()).events?.some((event) => event.timerStartedEventAttributes) ?? false;
  await until(waits, { what: 'the run after the reset to wait' });
}

/** The paths that take a worker down or change the installation: a house of their own, in this order. Calls `record` as each is ready. */
export async function roughPaths(record: (name: string, house: House, dispatchId: string) => Promise<void>): Promise<void> {
  const house = await buildHouse({ withWorker: false });
  try {
    const email = await addEmailChannel(house, {
      ...calm,
      ladder: { ...calm.ladder!, exchangeMs: 20_000, replyMs: 20_000, sendDeadlineMs: 22_000, startToCloseMs: 24_000 },
    });
    const twoMails = async (name: string): Promise<{ clientId: string; points: string[] }> =>
      await addClient(house, [
        { kind: 'email', value: `${name}-a@example.test` },
        { kind: 'email', value: `${name}-b@example.test` },
      ]);

    // The pick is there before the question.
    const early = await twoMails('early');
    const picked = await submit(house, { clientId: early.clientId, channelId: email });
    const start = contract.dispatchStart(await loadStart(house.db, picked), { taskQueue: house.env['WAYBILL_TASK_QUEUE']!, apiUrl: house.apiUrl });
    await house.temporal.workflow.signalWithStart(contract.dispatchWorkflowType, {
      ...start,
      signal: contract.chooseRecipientSignal,
      signalArgs: [{ contactPointId: early.points[1]!, ...by }],
    });
    const worker = await house.startWorker();
    await record('choice-by-early-signal', house, picked);

    // The worker dies with two sends in flight, one of them is cancelled in Temporal; the next worker comes before the send deadline.
    const hang = async (address: string): Promise<string> => {
      const { clientId } = await addClient(house, [{ kind: 'email', value: address }]);
      await house.control('POST', '/faults', { channel: 'email', recipient: address, do: { hangMs: 60_000 } });
      const dispatchId = await submit(house, { clientId, channelId: email });
      await until(() => house.handedOver({ recipient: address }).length > 0, { what: 'the hand-over' });
      return dispatchId;
    };
    const killed = [await hang('killed@example.test'), await hang('killed-and-cancelled@example.test')] as const;
    await worker.kill();
    await runOf(house, killed[1]).cancel();
    await house.startWorker();
    await record('killed-while-sending', house, killed[0]);
    await record('killed-while-sending-then-cancelled', house, killed[1]);

    // The database was put back to an earlier day while the choice was open (H14).
    const restored = await twoMails('restored');
    const waiting = await submit(house, { clientId: restored.clientId, channelId: email });
    await untilWaiting(house, waiting, 'recipient');
    await house.db
      .insert(schema.installation)
      .values({ sendEpoch: 2 })
      .onConflictDoUpdate({ target: schema.installation.id, set: { sendEpoch: 2 } });
    await say(house, waiting, contract.chooseRecipient, { contactPointId: restored.points[0]!, ...by });
    await untilWaiting(house, waiting, 'outcome');
    await say(house, waiting, contract.resolveOutcome, { outcome: 'not_sent', sendEpoch: 2, ...by });
    await record('send-epoch-raised', house, waiting);
  } finally {
    await house.tear();
  }
}
