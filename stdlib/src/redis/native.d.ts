// What the library's own modules in TypeScript import; not for rules.

declare module "cla/redis/native" {
  /** The URL without its password. @throws TypeError if it names no server. */
  export function shown(url: string): string;

  /**
   * Opens nothing before it is used. Calls `deliver` with the channel and the text of each message, or without a channel and
   * with what is wrong, when the server sent more than there is room for.
   */
  export function open(url: string, deliver: (channel: string | undefined, text: string) => void): Bus;

  export interface Bus {
    subscribe(channel: string): Promise<void>;
    unsubscribe(channel: string): Promise<void>;
    publish(channel: string, text: string): Promise<void>;
    /** Whether the run goes on while a channel is subscribed. */
    hold(held: boolean): void;
    /** Closes the connection, if there is one. */
    close(): void;
  }
}
