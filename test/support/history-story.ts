/** A recorded history told in short: what happened on it, in order, and how it ended. */

import type { PayloadCodec } from '@temporalio/common';
import { type JSONPayload, JSONToPayload } from '@temporalio/common/lib/proto-utils.js';

interface Attributes {
  markerName?: string;
  details?: { data?: { payloads: JSONPayload[] }; 'patch-data'?: { payloads: JSONPayload[] } };
  activityType?: { name: string };
  signalName?: string;
  acceptedRequest?: { input: { name: string } };
  outcome?: { failure?: unknown };
  result?: { payloads: JSONPayload[] };
  sdkMetadata?: { coreUsedFlags?: number[] };
}

/** An event as `historyToJSON` writes it; its attributes stand under a name that says its type. */
export interface RecordedEvent {
  eventType: string;
  userMetadata?: { summary?: JSONPayload };
  workflowTaskCompletedEventAttributes?: Attributes;
}

export interface Story {
  /** The dispatch's end state and reason; `open` when the run has not ended. */
  end: string;
  /** Activities by name, timers by their summary, `update …`, `signal …` and `patch …` by name, and plain words for the rest. */
  happened: string[];
}

const plainWords: Record<string, string> = {
  TIMER_FIRED: 'timer fired',
  ACTIVITY_TASK_TIMED_OUT: 'activity timed out',
  WORKFLOW_EXECUTION_CANCEL_REQUESTED: 'cancel requested',
  WORKFLOW_TASK_FAILED: 'reset',
};

export async function storyOf(events: readonly RecordedEvent[], codecs: readonly PayloadCodec[]): Promise<Story> {
  const read = async (json: JSONPayload | undefined): Promise<unknown> => {
    let payloads = json ? [JSONToPayload(json)] : [];
    for (const codec of codecs.toReversed()) payloads = await codec.decode(payloads);
    const [payload] = payloads;
    return payload?.data ? (JSON.parse(Buffer.from(payload.data).toString('utf8')) as unknown) : null;
  };
  const story: Story = { end: 'open', happened: [] };
  for (const event of events) {
    const type = event.eventType.replace('EVENT_TYPE_', '');
    const its = Object.entries(event).find(([key]) => key.endsWith('EventAttributes'))![1] as Attributes;
    const tell = (word: string): void => void story.happened.push(word);
    if (its.markerName === 'core_patch') tell(`patch ${((await read(its.details!['patch-data']!.payloads[0])) as { id: string }).id}`);
    else if (type === 'MARKER_RECORDED') tell(((await read(its.details?.data?.payloads[0])) as { activity_type: string }).activity_type);
    else if (type === 'ACTIVITY_TASK_SCHEDULED') tell(its.activityType!.name);
    else if (type === 'TIMER_STARTED') tell(String(await read(event.userMetadata?.summary)));
    else if (type === 'WORKFLOW_EXECUTION_SIGNALED') tell(`signal ${its.signalName}`);
    else if (type === 'WORKFLOW_EXECUTION_UPDATE_ACCEPTED') tell(`update ${its.acceptedRequest!.input.name}`);
    else if (type === 'WORKFLOW_EXECUTION_UPDATE_COMPLETED') tell(its.outcome?.failure ? 'refused' : 'taken');
    else if (type === 'WORKFLOW_EXECUTION_CANCELED') story.end = 'cancelled in Temporal';
    else if (type === 'WORKFLOW_EXECUTION_COMPLETED') {
      const { state, endReason } = (await read(its.result!.payloads[0])) as { state: string; endReason: string | null };
      story.end = endReason ? `${state} ${endReason}` : state;
    } else if (plainWords[type]) tell(plainWords[type]);
  }
  return story;
}
