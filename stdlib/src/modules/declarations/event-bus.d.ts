// Made of event-bus.ts by `cargo xtask types --write`.

/**
 * `cla/event-bus`: events, told to whoever listens.
 *
 * ```js
 * import { EventBus } from "cla/event-bus";
 * import { MemoryEventBusAdapter } from "cla/event-bus/memory";
 * const bus = new EventBus({ adapter: new MemoryEventBusAdapter() });
 * await bus.addListener("deployed", ({ server }) => print(server));
 * await bus.dispatch("deployed", { server: "web-1" });
 * ```
 */
declare module "cla/event-bus" {
  import { type INamespace } from "cla/namespace";
  import { type IInvokableObject, type Invokable, type InvokableFn, type ITask, type OneOrMore, type Promisable, Task } from "cla/task";
  /** What an event says. */
  export type BaseEvent = Record<string, any>;
  /** The events of a bus, by name. */
  export type BaseEventMap = Record<string, BaseEvent>;
  /** An event together with its name. */
  export type EventWithType<TEvent, TEventName> = TEvent & {
    type: TEventName;
  };
  /** What listeners of these events get. */
  export type InferEvent<TEventMap extends BaseEventMap, TEventName extends keyof TEventMap = keyof TEventMap> = {
    [TName in keyof TEventMap]: EventWithType<TEventMap[TName], TName>;
  }[TEventName];
  export type EventListenerFn<TEvent> = InvokableFn<[event: TEvent], Promisable<unknown>>;
  export type IEventListenerObject<TEvent> = IInvokableObject<[event: TEvent], Promisable<unknown>>;
  /** Who listens: a function, or an object with a method `invoke`. */
  export type EventListener<TEvent> = Invokable<[event: TEvent], Promisable<unknown>>;
  /** Ends a subscription. */
  export type Unsubscribe = InvokableFn<[], ITask<void>>;
  /** Listening to events. */
  export interface IEventListenable<TEventMap extends BaseEventMap = BaseEventMap> {
    /**
     * Calls a listener for each event with one of these names. The same listener is added once per name. What a listener
     * throws is shown on the standard error, and keeps no other from being called.
     */
    addListener<TEventName extends keyof TEventMap>(eventNames: OneOrMore<TEventName>, listener: EventListener<InferEvent<TEventMap, TEventName>>): ITask<void>;
    /** Does not call it any more. */
    removeListener<TEventName extends keyof TEventMap>(eventNames: OneOrMore<TEventName>, listener: EventListener<InferEvent<TEventMap, TEventName>>): ITask<void>;
    /** Calls a listener for the next such event only. */
    listenOnce<TEventName extends keyof TEventMap>(eventName: TEventName, listener: EventListener<InferEvent<TEventMap, TEventName>>): ITask<void>;
    /** The next such event, from when the task begins. */
    asPromise<TEventName extends keyof TEventMap>(eventName: TEventName): ITask<InferEvent<TEventMap, TEventName>>;
    /** As `addListener`; gives a function that removes the listener. */
    subscribe<TEventName extends keyof TEventMap>(eventNames: OneOrMore<TEventName>, listener: EventListener<InferEvent<TEventMap, TEventName>>): ITask<Unsubscribe>;
    /** As `listenOnce`; gives a function that removes the listener before its time. */
    subscribeOnce<TEventName extends keyof TEventMap>(eventName: TEventName, listener: EventListener<InferEvent<TEventMap, TEventName>>): ITask<Unsubscribe>;
  }
  /** Telling events. */
  export interface IEventDispatcher<TEventMap extends BaseEventMap = BaseEventMap> {
    /** Calls whoever listens to this name, with the event and its name as `type`. Does not wait for what they await. */
    dispatch<TEventName extends keyof TEventMap>(eventName: TEventName, event: TEventMap[TEventName]): ITask<void>;
  }
  /** Both. */
  export interface IEventBus<TEventMap extends BaseEventMap = BaseEventMap> extends IEventListenable<TEventMap>, IEventDispatcher<TEventMap> {
  }
  /** Any event bus, whatever its events are. */
  export interface AnyEventBus {
    addListener(eventNames: any, listener: any): ITask<void>;
    removeListener(eventNames: any, listener: any): ITask<void>;
    listenOnce(eventName: any, listener: any): ITask<void>;
    asPromise(eventName: any): ITask<any>;
    subscribe(eventNames: any, listener: any): ITask<Unsubscribe>;
    subscribeOnce(eventName: any, listener: any): ITask<Unsubscribe>;
    dispatch(eventName: any, event: any): ITask<void>;
  }
  /** How events get from one bus to another. */
  export interface IEventBusAdapter {
    addListener(eventName: string, listener: EventListenerFn<BaseEvent>): PromiseLike<void>;
    removeListener(eventName: string, listener: EventListenerFn<BaseEvent>): PromiseLike<void>;
    dispatch(eventName: string, event: BaseEvent): PromiseLike<void>;
  }
  export interface EventBusSettings {
    adapter: IEventBusAdapter;
    /** Keeps its events apart from those of other buses with the same adapter (default: none). */
    namespace?: INamespace;
  }
  /** Tells events to those who listen to their names, within its namespace. */
  export class EventBus<TEventMap extends BaseEventMap = BaseEventMap> implements IEventBus<TEventMap> {
    #private;
    constructor(settings: EventBusSettings);
    addListener<TEventName extends keyof TEventMap>(eventNames: OneOrMore<TEventName>, listener: EventListener<InferEvent<TEventMap, TEventName>>): Task<void>;
    removeListener<TEventName extends keyof TEventMap>(eventNames: OneOrMore<TEventName>, listener: EventListener<InferEvent<TEventMap, TEventName>>): Task<void>;
    listenOnce<TEventName extends keyof TEventMap>(eventName: TEventName, listener: EventListener<InferEvent<TEventMap, TEventName>>): Task<void>;
    asPromise<TEventName extends keyof TEventMap>(eventName: TEventName): Task<InferEvent<TEventMap, TEventName>>;
    subscribe<TEventName extends keyof TEventMap>(eventNames: OneOrMore<TEventName>, listener: EventListener<InferEvent<TEventMap, TEventName>>): Task<Unsubscribe>;
    subscribeOnce<TEventName extends keyof TEventMap>(eventName: TEventName, listener: EventListener<InferEvent<TEventMap, TEventName>>): Task<Unsubscribe>;
    dispatch<TEventName extends keyof TEventMap>(eventName: TEventName, event: TEventMap[TEventName]): Task<void>;
  }
}

interface ClaModules {
  "cla/event-bus": typeof import("cla/event-bus");
}
