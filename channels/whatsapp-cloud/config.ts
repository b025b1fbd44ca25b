/** The configuration of a WhatsApp Cloud API number. */

import { z } from 'zod';

const metaId = z.string().regex(/^\d{1,32}$/, 'Digits are expected.');

export const whatsappCloudConfigSchema = z.strictObject({
  phoneNumberId: metaId,
  /** The WhatsApp Business Account; with it, template news of other accounts are not taken for ours. */
  wabaId: metaId.optional(),
  /** A system user's token. */
  accessToken: z
    .string()
    .regex(/^[\x21-\x7e]{1,1000}$/, 'A token is expected.')
    .meta({ secret: true }),
  /** Sign the webhooks; two are valid during a rotation. */
  appSecrets: z.array(z.string().min(8).max(200)).min(1).max(2).meta({ secret: true }),
  /** Given to Meta when the webhook is set up. */
  verifyToken: z.string().min(8).max(200).meta({ secret: true }),
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .max(500)
    .refine(isBare, 'A base URL has no login, no query and no fragment.')
    .default('https://graph.facebook.com'),
  apiVersion: z
    .string()
    .regex(/^v\d{1,3}\.\d{1,2}$/, 'A version such as v23.0 is expected.')
    .default('v23.0'),
});
export type WhatsappCloudConfig = z.infer<typeof whatsappCloudConfigSchema>;

/** `fetch` refuses a login in the URL at every send, and a path cannot follow a query. */
function isBare(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
}
