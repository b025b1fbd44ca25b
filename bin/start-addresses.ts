/** The last block of a start: every address, the keys, and how to stop. */

import type { LocalConfig } from '../runtime/local/local-config.js';
import type { Up } from './start-stack.js';

export function tellAddresses(config: LocalConfig, up: Up): void {
  const lines: [string, string][] = [
    ['API', `${up.apiUrl}/v1`],
    ['API docs', `${up.apiUrl}/docs`],
    ['Mailbox', up.sandboxUrl],
    ['Temporal Web', up.temporal.uiUrl ?? `(not known: set TEMPORAL_UI_URL; Temporal is at ${up.temporal.address})`],
    ['Metrics', `${up.apiUrl}/metrics and ${up.metricsUrl}/metrics`],
    ['Data folder', config.dataFolder],
    ...(up.keys === null
      ? [
          [
            'Keys',
            `those of your database; for this machine alone: curl -X POST ${up.apiUrl}/v1/dev-login -H 'content-type: application/json' -d '{"role":"supervisor"}'`,
          ] as [string, string],
        ]
      : ([
          ['Staff key (an agent)', up.keys.staffKey],
          ['Service key (every scope)', up.keys.serviceKey],
        ] as [string, string][])),
  ];
  const width = Math.max(...lines.map(([label]) => label.length));
  console.log(
    `\n${lines.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`).join('\n')}\n\n  Ctrl-C ends everything; "npm start" goes on with the same data. "npm run demo" in another terminal tells the whole story.\n`,
  );
}
