// cla/task and cla/time-span

import { type AsyncMiddleware, type ITask, Task } from "cla/task";
import { type ITimeSpan, TimeSpan, TO_MILLISECONDS } from "cla/time-span";
import { Task as SameTask } from "@daiso-tech/core/task";
import type { ITask as SameITask } from "@daiso-tech/core/task/contracts";
import { TimeSpan as SameTimeSpan } from "@daiso-tech/core/time-span";
import { TO_MILLISECONDS as SAME_TO_MILLISECONDS } from "@daiso-tech/core/time-span/contracts";
import { exactly, type IsAny, type Same, type True } from "./assert.ts";

exactly<TimeSpan>()(TimeSpan.fromMinutes(1).addSeconds(30));
exactly<number>()(TimeSpan.fromStr("1m30s").toMilliseconds());
exactly<TimeSpan>()(TimeSpan.fromDateRange({ start: new Date() }));
exactly<Date>()(TimeSpan.fromDays(1).toEndDate());
exactly<boolean>()(TimeSpan.fromDays(1).equals(TimeSpan.fromHours(24)));
exactly<TimeSpan>()(SameTimeSpan.fromDays(1));
class Duration implements ITimeSpan {
  [TO_MILLISECONDS](): number {
    return 1;
  }
}
TimeSpan.fromTimeSpan(new Duration())[SAME_TO_MILLISECONDS]();
// @ts-expect-error it is made by its static methods
new TimeSpan(5);
// @ts-expect-error it never changes
TimeSpan.fromDays(1).milliseconds = 7;
// @ts-expect-error text, please
TimeSpan.fromStr(5);

const task = new Task(async () => 42 as number);
exactly<number>()(await task);
exactly<Task<number>>()(task);
exactly<Task<string>>()(new SameTask(() => "text" as string));
const contract: SameITask<number> = task;
exactly<number>()(await contract.pipe((args, next) => next(...args)));
exactly<void>()(task.detach());
exactly<Task<void>>()(Task.delay(TimeSpan.fromSeconds(1)));
Task.delay(new Duration());
exactly<[number, string]>()(await Task.all([task, "text" as string]));
exactly<string | number>()(await Task.race([task, Task.resolve("text" as string)]));
const settled = await Task.allSettled([task]);
exactly<[PromiseSettledResult<number>]>()(settled);
const wrapped: (a: number, b: string) => Task<boolean> = Task.wrapFn((a: number, b: string) => a > b.length);
exactly<boolean>()(await wrapped(1, "text"));
exactly<Task<string>>()(Task.fromCallback<string>((resolve) => resolve("text")));
const doubled: AsyncMiddleware<[], number> = async (args, next) => 2 * (await next(...args));
exactly<number>()(await task.pipe([doubled, doubled]).pipeWhen(async () => true, doubled));
type _ = True<Same<IsAny<Awaited<ITask<number>>>, false>>;
// @ts-expect-error a task of numbers is no task of texts
task.pipe(async () => "text");
// @ts-expect-error not a length of time
Task.delay(1000);
// @ts-expect-error what to do?
new Task();
// @ts-expect-error what it holds is its own affair
new Task(undefined, undefined, () => () => {});
