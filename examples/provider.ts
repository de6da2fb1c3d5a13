// Semaphores as objects, for code that awaits: at most two jobs use the licence at a time, the third waits its turn.

import { SEMAPHORE_STATE, SemaphoreProvider } from "cla/semaphore";
import { type ITask, Task } from "cla/task";
import { TimeSpan } from "cla/time-span";

// Kept in the store of the run, where `sem.take("licence")` of other rules meets them.
const semaphores = new SemaphoreProvider({ defaultTtl: TimeSpan.fromMinutes(5) });

function job(name: string, seconds: number): ITask<void> {
  const licence = semaphores.create("licence", { limit: 2 });
  return licence.runBlockingOrFail(
    async () => {
      print(`${name} has the licence`);
      await Task.delay(TimeSpan.fromSeconds(seconds));
      print(`${name} is done`);
    },
    { time: TimeSpan.fromSeconds(30) },
  );
}

await Task.all([job("a", 0.2), job("b", 0.6), job("c", 0.2)]);

const state = await semaphores.create("licence").getState();
print(state.type === SEMAPHORE_STATE.EXPIRED ? "nobody has it any more" : state);
