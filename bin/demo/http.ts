/** JSON over HTTP, as any caller of the public API would do it. */

const answerMs = 20_000;
const mostTries = 5;
const betweenTriesMs = 1_000;

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface Answer {
  status: number;
  body: unknown;
}

/** One call; a 503 is repeated with the same headers, as the API asks of its callers. Rejects with one sentence when there is no answer. */
export async function call(method: Method, url: string, body?: object, headers: Record<string, string> = {}): Promise<Answer> {
  for (let tries = 1; ; tries += 1) {
    const answer = await callOnce(method, url, body, headers);
    if (answer.status !== 503 || tries === mostTries) return answer;
    await new Promise((resolve) => setTimeout(resolve, betweenTriesMs));
  }
}

async function callOnce(method: Method, url: string, body: object | undefined, headers: Record<string, string>): Promise<Answer> {
  const answer = await fetch(url, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    signal: AbortSignal.timeout(answerMs),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((error: Error) => {
    throw new Error(`${new URL(url).host} does not answer (${error.message}): does "npm start" still run?`);
  });
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? null : (JSON.parse(text) as unknown) };
}

/** The body of a 2xx; anything else rejects with what the other side said. */
export async function ask<T>(method: Method, url: string, body?: object, headers?: Record<string, string>): Promise<T> {
  const answer = await call(method, url, body, headers);
  if (answer.status < 300) return answer.body as T;
  throw new Error(`${method} ${new URL(url).pathname} answered ${answer.status}: ${JSON.stringify(answer.body).slice(0, 500)}`);
}
