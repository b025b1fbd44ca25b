/** Meta's error codes that the stand-in can answer with. Source: the error page of Meta's Cloud API. */

interface MetaError {
  status: number;
  title: string;
}

const e = (status: number, title: string): MetaError => ({ status, title });

const known: Record<number, MetaError> = {
  100: e(400, 'Invalid parameter'),
  190: e(401, 'Access token has expired'),
  2500: e(400, 'Unknown path components'),
  130429: e(429, 'Rate limit hit'),
  131008: e(400, 'Required parameter is missing'),
  131009: e(400, 'Parameter value is not valid'),
  131026: e(400, 'Message undeliverable'),
  131047: e(400, 'Re-engagement message'),
  131049: e(400, 'This message was not delivered to maintain healthy ecosystem engagement'),
  131050: e(400, 'User has stopped marketing messages'),
  131051: e(400, 'Unsupported message type'),
  131056: e(400, 'Pair rate limit hit'),
  132000: e(400, 'Number of parameters does not match the expected number of params'),
  132001: e(404, 'Template name does not exist in the translation'),
  132015: e(400, 'Template is paused'),
};

/** The HTTP status and title of a code; 400 for one that the stand-in has no words for. */
export function metaError(code: number): MetaError {
  return known[code] ?? e(400, 'Error');
}

/** An answer's body in Meta's error shape. */
export function errorBody(code: number, details: string | undefined) {
  const { title } = metaError(code);
  return {
    error: {
      message: `(#${code}) ${title}`,
      type: 'OAuthException',
      code,
      error_data: { messaging_product: 'whatsapp', details: details ?? title },
      fbtrace_id: 'sandbox',
    },
  };
}

/** An entry of `errors` in a failed status. */
export function statusError(code: number, details: string | undefined) {
  const { title } = metaError(code);
  return { code, title, message: title, error_data: { details: details ?? title } };
}
