import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createHome, type Home } from '../support/launcher.js';
import { describeWithTemporal, startProcess, type TestProcess } from '../support/stack.js';

describeWithTemporal('npm run demo', () => {
  let home: Home;
  let launcher: TestProcess | null = null;

  beforeAll(async () => {
    home = await createHome();
  });
  afterAll(async () => {
    await launcher?.kill('SIGINT');
    home.remove();
  });

  /** Ports and keys are not told: the data folder knows them. */
  const runDemo = async () => {
    const { PATH, HOME } = process.env;
    const demo = await startProcess({ entry: 'bin/demo.js', env: { PATH: PATH ?? '', HOME: HOME ?? '', WAYBILL_DATA_DIR: home.folder } });
    const { code } = await demo.exited;
    const steps = [...demo.output().matchAll(/^ {2}(PASS|FAIL) (\d+)\. .+$/gm)].map(([, mark, number]) => `${mark} ${number}`);
    return { code, output: demo.output(), steps };
  };

  test('asks for "npm start" when nothing runs', async () => {
    const { code, output, steps } = await runDemo();
    expect({ code, steps }).toEqual({ code: 1, steps: [] });
    expect(output).toContain(`Waybill does not run in ${home.folder}: run "npm start" in another terminal first`);
  });

  test('R93 R94 R95 R96 R98 R99 R101 each step of the story passes on the running stack, and each time it is told', async () => {
    launcher = await home.start();
    for (let time = 1; time <= 2; time++) {
      const { code, output, steps } = await runDemo();
      expect(output).toContain('All 10 steps passed');
      expect({ code, steps }).toEqual({ code: 0, steps: Array.from({ length: 10 }, (_, index) => `PASS ${index + 1}`) });
      expect(output.match(/\/namespaces\/default\/workflows\/dispatch%2F/g)).toHaveLength(10);
      expect(output.match(/\/received\/\d+/g)).toHaveLength(7);
    }
    expect(launcher.output().match(/(API|Worker) runs again/g)).toHaveLength(4);
  }, 240_000);
});
