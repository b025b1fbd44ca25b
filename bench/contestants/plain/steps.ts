/** The steps of a send, as one writes them without a ledger: what is lost or sent twice when a process dies between them is. */

import { Liquid } from 'liquidjs';
import nodemailer from 'nodemailer';
import type { Sql } from 'postgres';
import { v7 as uuidv7 } from 'uuid';

export interface Facts {
  id: string;
  variables: Record<string, string>;
  name: string;
  contactPointId: string;
  address: string;
  enabled: boolean;
  config: { host: string; port: number; from: string };
  templateStatus: string;
  subject: string;
  body: string;
  blocked: boolean;
  optedOut: boolean;
  threadElsewhere: boolean;
}

export interface Mail {
  subject: string;
  text: string;
}

export type Steps = ReturnType<typeof createSteps>;

export function createSteps(sql: Sql) {
  const liquid = new Liquid({ strictVariables: true, ownPropertyOnly: true });
  let transport: ReturnType<typeof openPool> | undefined;
  return {
    /**
     * One SELECT: the dispatch with its client, the contact point that comes first, the channel and the template; whether the client is
     * blocked, here or everywhere, has opted out, or has a thread open on another channel.
     */
    readFacts: async (dispatchId: string): Promise<Facts> => {
      const [facts] = await sql<Facts[]>`
        select d.id, d.variables, c.name, p.id as "contactPointId", p.address, ch.enabled, ch.config, t.status as "templateStatus", t.subject, t.body,
          exists (select 1 from blocks b where b.client_id = d.client_id and b.lifted_at is null
            and (b.channel_id is null or b.channel_id = d.channel_id) and (b.contact_point_id is null or b.contact_point_id = p.id)) as blocked,
          exists (select 1 from opt_outs o where o.client_id = d.client_id and o.lifted_at is null
            and (o.channel_type is null or o.channel_type = ch.type)) as "optedOut",
          exists (select 1 from threads th where th.client_id = d.client_id and th.status <> 'closed' and th.channel_id <> d.channel_id) as "threadElsewhere"
        from dispatches d
        join clients c on c.id = d.client_id
        join channels ch on ch.id = d.channel_id
        join templates t on t.id = d.template_id
        join lateral (select p.id, p.address from contact_points p where p.client_id = d.client_id and p.kind = ch.type
          order by p.selected desc, p.position limit 1) p on true
        where d.id = ${dispatchId}`;
      if (!facts) throw new Error(`There is no dispatch ${dispatchId} that can be sent.`);
      return facts;
    },
    mayBeSent: (facts: Facts): boolean => facts.enabled && facts.templateStatus === 'approved' && !facts.blocked && !facts.optedOut && !facts.threadElsewhere,
    reject: async (dispatchId: string): Promise<void> => {
      await sql`update dispatches set state = 'rejected', updated_at = now() where id = ${dispatchId}`;
    },
    render: ({ subject, body, variables }: Facts): Mail => ({
      subject: liquid.parseAndRenderSync(subject, variables) as string,
      text: liquid.parseAndRenderSync(body, variables) as string,
    }),
    beginAttempt: async (dispatchId: string): Promise<string> => {
      const id = uuidv7();
      await sql`insert into attempts (id, dispatch_id, attempt_no, state)
        select ${id}, ${dispatchId}, coalesce(max(attempt_no), 0) + 1, 'sending' from attempts where dispatch_id = ${dispatchId}`;
      return id;
    },
    send: async (facts: Facts, mail: Mail): Promise<string> => {
      transport ??= openPool(facts.config);
      const taken = await transport.sendMail({
        from: { name: 'Shop', address: facts.config.from },
        to: facts.address,
        messageId: `<${facts.id}@example.test>`,
        ...mail,
      });
      return taken.messageId;
    },
    /** Both in one transaction, sent together. */
    settle: async (facts: Facts, attemptId: string, externalId: string): Promise<void> => {
      await sql.begin((tx) => [
        tx`update attempts set state = 'accepted', external_id = ${externalId}, finished_at = now() where id = ${attemptId}`,
        tx`update dispatches set state = 'sent', contact_point_id = ${facts.contactPointId}, updated_at = now() where id = ${facts.id}`,
      ]);
    },
  };
}

function openPool({ host, port }: Facts['config']) {
  return nodemailer.createTransport({ pool: true, host, port, maxConnections: 10, maxMessages: Infinity });
}
